"""``featx demo``: the whole comparison on the packaged data and checkpoint, without a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from featx.config import DEMO, DEMO_FINETUNE, BaselineSettings, ComputeSettings, DataSettings, ReportSettings
from featx.experiment.baseline import baseline
from featx.experiment.finetune import finetune
from featx.experiment.places import Places
from featx.experiment.progress import Display, Silent
from featx.experiment.report import Reported, report
from featx.predict import Prediction, load_predictor
from featx.runs import run_folder

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
    compute: ComputeSettings | None = None, places: Places | None = None, display: Display | None = None
) -> Demonstrated:
    """Run every baseline and a full fine-tuning on the demo's data; report; predict two sentences."""
    compute, places, display = compute or ComputeSettings(), places or Places(), display or Silent()
    data = DataSettings(DEMO)
    runs = baseline(data, DEMO, settings=BaselineSettings(), compute=compute, places=places, display=display)
    runs += finetune(data, DEMO, settings=DEMO_FINETUNE, compute=compute, places=places, display=display)
    folder = places.results / places.experiment_name(DEMO)
    reported = report([folder], ReportSettings())
    # Chosen on validation, as every choice is.
    best = max(runs, key=lambda run: run.record.metrics["validation"][reported.comparison.metric]).record
    predictor = load_predictor(run_folder(places.results, folder.name, best.method, best.seed), places.cache, compute)
    return Demonstrated(reported, best.method, folder, predictor(SENTENCES))
