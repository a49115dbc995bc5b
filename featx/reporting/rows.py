"""`Row`: one method over all of its seeds, as every table and figure shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.evaluation import METRICS, Family, Interval, Paired, confusion_matrix, measure
from featx.evaluation.predictions import Predictions
from featx.runs import Run, RunRecord


@dataclass(frozen=True)
class Row:
    """One method, over all of its seeds.

    Attributes
    ----------
    method : str
        With its checkpoint, where the comparison spans several.
    family : Family
    runs : tuple of Run
        What it rests on, by seed.
    features : str
        Layer and pooling, and how long texts are read where that is not the usual; what is read where there is none.
    settings : str
        The chosen parameters, or the Trainer's.
    control : str
        What was made meaningless on purpose; empty for a real method.
    seeds : tuple of int
    n_train, trials : int
        Texts of train; settings that were tried on validation, per seed.
    validation : float
    test : Interval
        Mean over seeds, interval over test texts and seeds.
    scores : tuple of float
        Test score of each seed.
    intervals : dict of str to Interval
        Every metric that the method has, on test.
    class_intervals : dict of str to dict of str to Interval
        Precision, recall and F1 of each label name, on test; empty with very many classes.
    metrics : mapping of str to float
        On test, mean over seeds; of `featx.evaluation.METRICS` those that all seeds have.
    without_shared : float or None
        Test score without the test texts that stand in train as well; None when there are none.
    paired : Paired or None
        Against the reference; None for the reference itself or without one.
    p_holm, mcnemar_holm : float or None
        P-values of `paired`, adjusted for the number of methods; None for controls.
    verdict : str
        ``better``, ``worse``, ``equivalent`` or ``undecided``; empty where nothing is compared.
    equals_best : bool
        Whether the interval of the difference to the best test score holds 0 (the best itself included).
    pareto : bool
        Whether no other method scores as high at a lower cost.
    converged, under_trained : bool or None
    extract_seconds, fit_seconds, predict_ms : float
        Mean over seeds; milliseconds from a text to its label.
    peak_memory_bytes, model_bytes : float or None
        Mean over seeds.
    confusion : ndarray of shape (n_classes, n_classes), int64
        On test, summed over seeds.
    """

    method: str
    family: Family
    runs: tuple[Run, ...]
    features: str
    settings: str
    control: str
    seeds: tuple[int, ...]
    n_train: int
    trials: int
    validation: float
    test: Interval
    scores: tuple[float, ...]
    intervals: Mapping[str, Interval]
    class_intervals: Mapping[str, Mapping[str, Interval]]
    metrics: Mapping[str, float]
    without_shared: float | None
    paired: Paired | None
    p_holm: float | None
    mcnemar_holm: float | None
    verdict: str
    equals_best: bool
    pareto: bool
    converged: bool | None
    under_trained: bool | None
    extract_seconds: float
    fit_seconds: float
    predict_ms: float
    peak_memory_bytes: float | None
    model_bytes: float | None
    confusion: NDArray[np.int64]

    @property
    def difference(self) -> Interval | None:
        """To the reference, with its paired interval."""
        return self.paired.difference if self.paired else None

    @property
    def score_std(self) -> float | None:
        """Standard deviation of the test score over seeds; None with one seed."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else None

    @property
    def seconds(self) -> float:
        """What it cost to have the method: extraction, tuning and training."""
        return self.extract_seconds + self.fit_seconds


def row_values(runs: Sequence[Run], metric: str) -> dict[str, Any]:
    """Return what a row takes from the records and predictions of its runs alone."""
    records = [run.record for run in runs]
    made = [run.predictions["test"] for run in runs]
    first = records[0]
    return {
        "family": first.family,
        "runs": tuple(runs),
        "features": _features(first),
        "settings": " / ".join(dict.fromkeys(record.selection.summary for record in records)),
        "control": first.control or "",
        "seeds": tuple(record.seed for record in records),
        "n_train": first.data.splits["train"].n_texts,
        "trials": max(1, round(mean([len(record.selection.trials) for record in records]))),
        "validation": mean([record.score("validation", metric) for record in records]),
        "scores": tuple(record.score("test", metric) for record in records),
        "metrics": _metrics(records),
        "without_shared": _without_shared(first.data.shared_test_rows or (), made, metric),
        "converged": _all(record.converged for record in records),
        "under_trained": _any(record.under_trained for record in records),
        "extract_seconds": mean([record.timings.extract_seconds for record in records]),
        "fit_seconds": mean([record.timings.fit_seconds for record in records]),
        "predict_ms": mean([record.timings.predict_ms_per_text for record in records]),
        "peak_memory_bytes": mean_or_none([record.peak_memory_bytes for record in records]),
        "model_bytes": mean_or_none([record.model_bytes for record in records]),
        "confusion": np.sum([confusion_matrix(predictions) for predictions in made], axis=0),
    }


def _metrics(records: Sequence[RunRecord]) -> dict[str, float]:
    means = {name: mean_or_none([record.metric("test", name) for record in records]) for name in METRICS}
    return {name: value for name, value in means.items() if value is not None}


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean."""
    return float(np.mean(values))


def mean_or_none(values: Sequence[float | None]) -> float | None:
    """Return the mean; None if a value is None."""
    known = [value for value in values if value is not None]
    return mean(known) if len(known) == len(values) else None


def _all(flags: Any) -> bool | None:
    known = [flag for flag in flags if flag is not None]
    return all(known) if known else None


def _any(flags: Any) -> bool | None:
    known = [flag for flag in flags if flag is not None]
    return any(known) if known else None


def _features(record: RunRecord) -> str:
    chosen = record.selection.features
    if chosen is None:
        return "text"
    read = "concat" if chosen.layer == "concat" else f"layer {chosen.layer} {chosen.pooling}"
    return read if chosen.long is None else f"{read} {chosen.long}"


def _without_shared(rows: Sequence[int], made: Sequence[Predictions], metric: str) -> float | None:
    n = len(made[0])
    if not len(rows) or len(set(rows)) >= n:
        return None
    kept = np.setdiff1d(np.arange(n), rows)
    parts = (Predictions(p.y_true[kept], p.y_pred[kept], None, p.label_names) for p in made)
    return mean([measure(part)[metric] for part in parts])
