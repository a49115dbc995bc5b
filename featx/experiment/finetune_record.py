"""What a fine-tuning leaves in ``run.json``: what was chosen, how long it took, and whether it trained enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from featx.data import TextDataset
from featx.evaluation import Caveat, Family, Predictions
from featx.experiment.fine_tuning import FineTuning, chosen_settings
from featx.experiment.linear_probe import Probe
from featx.experiment.records import measured, now
from featx.runs import RunRecord, Selection, Timings, TrialRecord, environment
from featx.runs.measuring import peak_memory_bytes
from featx.settings import SELECTION_METRIC, Long
from featx.training import Diagnosis, SearchTrial, constant_loss, judge, least_loss, one_class_only
from featx.training.processes import world_size

#: How a search chooses.
_SEARCH_RULE = (
    "within one standard error of the best metric: of trials the lowest temperature-scaled log loss, of the "
    "epochs of a trial the latest"
)


def finetune_record(
    facts: Mapping[str, Any],
    dataset: TextDataset,
    made: FineTuning,
    probe: Probe | None,
    predictions: dict[str, Predictions],
    predict_seconds: float,
    search: int,
    device: str,
) -> tuple[RunRecord, str | None]:
    """Return the record of a fine-tuning, and what would have trained it better, if anything would."""
    verdict = _verdict(dataset, made, search, predictions)
    record = RunRecord(
        **facts,
        family=Family.FINE_TUNED,
        label_names=dataset.label_names,
        selection=_selection(made, probe, made.settings.search > 0),
        converged=None,
        timings=_timings(made, probe, predict_seconds, len(dataset.test)),
        metrics=measured(predictions),
        history=tuple(dict(entry) for entry in made.model.history),
        model_format="transformers",
        environment=environment(device) | {"processes": world_size()},
        created=now(),
        caveats=_caveats(verdict),
        under_trained=verdict.under_trained,
        peak_memory_bytes=peak_memory_bytes(device),
    )
    return record, verdict.advice


def _verdict(dataset: TextDataset, made: FineTuning, search: int, predictions: Mapping[str, Predictions]) -> Diagnosis:
    settings, train = replace(made.settings, search=search), dataset.train
    only = _only_class(predictions)
    if only is not None:
        return one_class_only(only, settings)
    counts = np.bincount(train.labels, minlength=dataset.n_classes)
    losses = [
        loss(settings.class_weights, counts, settings.label_smoothing_factor) for loss in (constant_loss, least_loss)
    ]
    name = f"eval_{SELECTION_METRIC}"
    highest = max((entry for entry in made.model.history if name in entry), key=lambda entry: float(entry[name]))
    return judge(made.model.history, highest["epoch"], made.model.last_epoch, settings, *losses)


def _only_class(predictions: Mapping[str, Predictions]) -> str | None:
    """Return the label that all texts of all splits are given, though they have several; None if there is none."""
    given = {int(label) for split in predictions.values() for label in np.unique(split.y_pred)}
    if len(given) != 1 or any(len(np.unique(split.y_true)) < 2 for split in predictions.values()):
        return None
    return next(iter(predictions.values())).label_names[given.pop()]


def _caveats(verdict: Diagnosis) -> tuple[Caveat, ...]:
    if verdict.code is None:
        return ()
    kind = "under-trained" if verdict.under_trained else "overfitted"
    return (Caveat(verdict.code, f"{kind}, {verdict.advice}"),)


def _selection(made: FineTuning, probe: Probe | None, searched: bool) -> Selection:
    settings, model = made.settings, made.model
    summary = f"lr={settings.learning_rate:g}, epochs={settings.num_train_epochs:g}"
    if settings.long[0] is not Long.CUT or len(made.asked.long) > 1:
        summary += f", {settings.long[0].value}"
    if model.best_epoch < model.last_epoch:
        summary += f", best {model.best_epoch:g}"
    return Selection(
        metric=SELECTION_METRIC,
        chosen=chosen_settings(settings, made.asked),
        summary=summary,
        score=model.best_score,
        trials=tuple(map(_trial, made.trials)),
        best_epoch=model.best_epoch,
        best_score=model.best_score,
        last_epoch=model.last_epoch,
        truncated=dict(model.n_truncated),
        rule=_SEARCH_RULE if searched else None,
        probe=None if probe is None else probe.facts,
    )


def _trial(trial: SearchTrial) -> TrialRecord:
    return TrialRecord(
        params=trial.params,
        score=trial.score,
        fit_seconds=trial.fit_seconds,
        error=trial.reason,
        state=trial.state,
        scores=tuple(trial.scores),
        standard_error=trial.standard_error,
        log_loss=trial.log_loss,
    )


def _timings(made: FineTuning, probe: Probe | None, predict_seconds: float, n_test: int) -> Timings:
    extract_seconds = 0.0 if probe is None else probe.extract_seconds
    fit_seconds = made.fit_seconds + (0.0 if probe is None else probe.fit_seconds)
    return Timings(extract_seconds, fit_seconds, predict_seconds, 1_000 * predict_seconds / n_test)
