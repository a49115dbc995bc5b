"""Whether a run's predictions are those that its record speaks of: checked once, when the run is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from featx.evaluation import CONFUSION_METRICS, METRICS, Predictions, confusion_matrix
from featx.runs.record import RunRecord

#: Difference of a metric that rounding can make; between versions of libraries and processors.
_TOLERANCE = 1e-6


def check_predictions(record: RunRecord, predictions: Mapping[str, Predictions]) -> None:
    """Check that `predictions` have the texts, classes and metrics that `record` states.

    Raises
    ------
    ValueError
        At the first that they do not have; says which.
    """
    for split in ("validation", "test"):
        if split not in predictions:
            raise ValueError(f"no predictions for {split}")
        made, facts = predictions[split], record.data.splits[split]
        if len(made) != facts.n_texts:
            raise ValueError(f"{len(made)} predictions for {split}, but run.json states {facts.n_texts} texts")
        counts = np.bincount(made.y_true, minlength=len(record.label_names)).tolist()
        if len(facts.class_counts) == len(counts) and list(facts.class_counts) != counts:
            raise ValueError(f"the classes of {split} have {counts} texts, but run.json states {[*facts.class_counts]}")
        _check_metrics(record, split, made)


def with_scores(record: RunRecord, predictions: Mapping[str, Predictions]) -> RunRecord:
    """Return `record` with every metric that runs are compared by; those that it lacks are those of `predictions`."""
    metrics = dict(record.metrics)
    for split, made in predictions.items():
        lacking = [name for name in CONFUSION_METRICS if record.metric(split, name) is None]
        if lacking:
            matrix = confusion_matrix(made)
            metrics[split] = metrics.get(split, {}) | {name: METRICS[name].compute(made, matrix) for name in lacking}
    return record if metrics == record.metrics else replace(record, metrics=metrics)


def _check_metrics(record: RunRecord, split: str, made: Predictions) -> None:
    matrix = confusion_matrix(made)
    for name, metric in METRICS.items():
        stated = record.metric(split, name)
        if stated is None or not metric.resampled:  # those beyond are slow, and follow from the same predictions
            continue
        if metric.needs_scores and made.y_score is None:
            raise ValueError(f"run.json states {name} of {split}, but the predictions have no scores")
        given = metric.compute(made, matrix)
        if given is None or abs(given - stated) > _TOLERANCE:
            raise ValueError(f"the predictions for {split} give {name} {given}, but run.json states {stated}")
