"""``featx demo``: the whole comparison on the packaged data and checkpoint, without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from featx.experiment.comparing.comparing import comparing_of
from featx.experiment.context import Context
from featx.experiment.progress import Display, Silent
from featx.experiment.report import Comparison, Reported
from featx.experiment.workspace import Workspace
from featx.prediction import Prediction, load_predictor
from featx.settings import (
    DEMO,
    DEMO_FINETUNE,
    CheckpointSettings,
    CompareSettings,
    ComputeSettings,
)

#: What the best method is asked at the end.
SENTENCES = (
    "The update broke the alarm, so I overslept and missed the train.",
    "She waited with me in the rain until the locksmith came.",
)
#: Three seeds, with what suits the small encoder and no search: a few minutes on a laptop.
DEMO_COMPARE = CompareSettings(classical=("majority", "tfidf-logreg", "logreg"), most_trials=0, most_seeds=3)


@dataclass(frozen=True)
class Demonstrated:
    """The demo's report, and what the best method says of two sentences."""

    reported: Reported
    best: str
    folder: Path
    predictions: list[Prediction]


def demo(
    compute: ComputeSettings | None = None,
    workspace: Workspace | None = None,
    display: Display | None = None,
    show: Callable[[Comparison, str], None] = lambda comparison, then: None,
) -> Demonstrated:
    """Compare words, frozen features and fine-tuning on the demo's data; report; predict two sentences."""
    compute, workspace, display = compute or ComputeSettings(), workspace or Workspace(), display or Silent()
    context = Context(
        DEMO,
        CheckpointSettings(DEMO),
        compute=compute,
        workspace=workspace,
        display=display,
    )
    context = context.named(workspace.experiment_name(DEMO))
    comparing = comparing_of(context, DEMO_COMPARE, finetuning=DEMO_FINETUNE)
    comparing.show = show
    reported = comparing.run().reported
    # Chosen on validation, as every choice is.
    best = max(reported.comparison.rows, key=lambda row: row.validation).runs[0]
    predictor = load_predictor(best.folder, workspace.cache, compute)
    return Demonstrated(reported, best.record.method, context.folder, predictor(SENTENCES))
