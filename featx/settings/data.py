"""Where labelled texts come from, and how missing splits are cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from featx.errors import SettingsError
from featx.settings.base import Settings
from featx.settings.declare import Seed, setting

#: Address of the data set, and name of the checkpoint, that need no network.
DEMO = "demo"


@dataclass(frozen=True)
class DataSettings(Settings, table="data", heading="Data"):
    """Where labelled texts come from and how splits that are missing are cut.

    `split_seed` alone decides which texts a cut puts where, so that runs with different seeds are measured on
    the same test texts.
    """

    dataset: Annotated[
        str, setting("File, folder, Hub name NAME[:CONFIG], or demo.", aliases=("address",), home=True)
    ] = DEMO
    text_column: Annotated[str | None, setting("Column with the texts.", unset="found by name")] = None
    label_column: Annotated[str | None, setting("Column with the labels.", unset="found by name")] = None
    dataset_revision: Annotated[
        str | None,
        setting("Branch, tag or commit of a data set on the Hub.", unset="the newest", aliases=("revision",)),
    ] = None
    validation_fraction: Annotated[
        float, setting("Share of train that is cut off where there is no validation split.", gt=0, lt=1)
    ] = 0.15
    test_fraction: Annotated[float, setting("Share that is cut off for test from a single file.", gt=0, lt=1)] = 0.15
    split_seed: Annotated[Seed, setting("Random seed of the train/validation/test split.")] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.validation_fraction + self.test_fraction >= 1:
            raise SettingsError(
                f"`validation_fraction` is {self.validation_fraction:g} and `test_fraction` {self.test_fraction:g}; "
                "expected numbers above 0 that leave something for train"
            )
