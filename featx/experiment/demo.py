"""``featx demo``: the whole comparison on the packaged data and checkpoint, without a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from featx.experiment.baseline import baseline
from featx.experiment.context import Context
from featx.experiment.finetune import finetune
from featx.experiment.progress import Display, Silent
from featx.experiment.report import Reported, report
from featx.experiment.workspace import Workspace
from featx.prediction import Prediction, load_predictor
from featx.runs import run_folder
from featx.settings import DEMO, DEMO_FINETUNE, CheckpointSettings, ComputeSettings, ReportSettings

#: What the best method is asked at the end.
SENTENCES = (
    "The update broke the alarm, so I overslept and missed the train.",
    "She waited with me in the rain until the locksmith came.",
)


@dataclass(frozen=True)
class Demonstrated:
    """The demo's report, and what the best method says of two sentences."""

    reported: Reported
    best: str
    folder: Path
    predictions: list[Prediction]


def demo(
    compute: ComputeSettings | None = None, workspace: Workspace | None = None, display: Display | None = None
) -> Demonstrated:
    """Run every baseline and a full fine-tuning on the demo's data; report; predict two sentences."""
    compute, workspace, display = compute or ComputeSettings(), workspace or Workspace(), display or Silent()
    context = Context(DEMO, CheckpointSettings(DEMO), compute=compute, workspace=workspace, display=display)
    runs = baseline(context) + finetune(context, DEMO_FINETUNE)
    folder = workspace.results / workspace.experiment_name(DEMO)
    reported = report([folder], ReportSettings())
    # Chosen on validation, as every choice is.
    best = max(runs, key=lambda run: run.record.score("validation", reported.comparison.metric)).record
    predictor = load_predictor(
        run_folder(workspace.results, folder.name, best.method, best.seed), workspace.cache, compute
    )
    return Demonstrated(reported, best.method, folder, predictor(SENTENCES))
