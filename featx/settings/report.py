"""How runs are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from featx.settings.base import Settings
from featx.settings.choices import CaveatCode
from featx.settings.declare import setting

#: The metric by which every choice (C, layer, epoch) is made, always on validation.
SELECTION_METRIC = "f1_macro"


@dataclass(frozen=True)
class ReportSettings(Settings, table="report", heading="Comparison"):
    """How runs are compared: against which method, by which metric."""

    reference: Annotated[str, setting("Method that the others are compared with.", suggestions="methods")] = "finetune"
    metric: Annotated[str, setting("Metric of the comparison.", suggestions="metrics")] = SELECTION_METRIC
    margin: Annotated[
        float, setting("Difference of the metric that would not matter; within it methods are equivalent.", ge=0, lt=1)
    ] = 0.02
    confidence: Annotated[float, setting("Level of the intervals and tests.", gt=0, lt=1)] = 0.95
    n_resamples: Annotated[int, setting("Resamples of the bootstrap.", ge=999)] = 9_999
    silence: Annotated[
        tuple[CaveatCode, ...] | None,
        setting(
            "Caveats that are left out, by their codes such as one-seed.",
            unset="none is left out",
            example=(CaveatCode.ONE_SEED,),
        ),
    ] = None
