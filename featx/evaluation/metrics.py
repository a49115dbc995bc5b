"""All metrics of one set of predictions, as plain numbers for ``run.json``; the only place to touch for a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.evaluation.confusion import confusion_matrix, metrics_of_confusion, per_class
from featx.evaluation.predictions import Predictions

#: Bins of the expected calibration error.
ECE_BINS = 15

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Metric:
    """A number that says how good predictions are. Adding one is adding an entry to `METRICS`.

    Attributes
    ----------
    name : str
    title : str
        For people, where the name is not enough.
    compute : callable
        From `Predictions` and their confusion matrix to the value; None where it is undefined.
    needs_scores : bool
        Whether it needs probabilities.
    greater_is_better : bool
    tasks : tuple of str
        Kinds of target that it serves.
    since : int
        Schema of ``run.json`` since which records have it; those before lack it.
    resampled : bool
        Whether `featx.evaluation.resampling` draws it, so that it has an interval.
    rank : int
        How soon its column is dropped from a table that is too wide, the highest first; 0 for no column of its own.
    """

    name: str
    title: str
    compute: Callable[[Predictions, Counts], float | None]
    needs_scores: bool = False
    greater_is_better: bool = True
    tasks: tuple[str, ...] = ("single-label",)
    since: int = 1
    resampled: bool = False
    rank: int = 0


def measure(predictions: Predictions) -> dict[str, Any]:
    """Compute every metric of `predictions`.

    Returns
    -------
    dict
        Each name of `METRICS` (float) that is defined; ``per_class`` (a dict of precision, recall, f1, support for each
        label name) and ``confusion_matrix`` (lists of counts, rows true). Ready for JSON.

    Raises
    ------
    ValueError
        If there are no predictions.
    """
    if not len(predictions):
        raise ValueError("no predictions to measure; expected at least one")
    matrix = confusion_matrix(predictions)
    usable = [metric for metric in METRICS.values() if predictions.y_score is not None or not metric.needs_scores]
    values = {metric.name: metric.compute(predictions, matrix) for metric in usable}
    metrics: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    classes = per_class(matrix)
    metrics["per_class"] = {
        label: {name: float(values[i]) if name != "support" else int(values[i]) for name, values in classes.items()}
        for i, label in enumerate(predictions.label_names)
    }
    metrics["confusion_matrix"] = matrix.tolist()
    return metrics


def log_losses(y_true: NDArray[np.int64], y_score: Floats) -> Floats:
    """Return the negative log probability of the true class, shape (n_texts,), in nats.

    Probabilities are clipped to the machine epsilon of their dtype and then normalised, as scikit-learn does.
    """
    eps = np.finfo(y_score.dtype).eps
    clipped = np.clip(y_score / y_score.sum(axis=1, keepdims=True), eps, 1 - eps)
    return np.asarray(-np.log(clipped[np.arange(len(y_true)), y_true]), np.float64)


def brier_scores(y_true: NDArray[np.int64], y_score: Floats) -> Floats:
    """Return the squared distance of scores and truth, shape (n_texts,), halved for two classes (Brier, 1950)."""
    truth = np.eye(y_score.shape[1])[y_true]
    scores = ((y_score - truth) ** 2).sum(axis=1)
    return np.asarray(scores / 2 if y_score.shape[1] == 2 else scores, np.float64)


def expected_calibration_error(y_true: NDArray[np.int64], y_score: Floats) -> float:
    """Return the gap between confidence and accuracy, averaged over 15 equal bins (Guo et al., ICML 2017, eq. 5)."""
    bins, gaps = calibration_gaps(y_true, y_score)
    return float(np.abs(np.bincount(bins, weights=gaps, minlength=ECE_BINS)).sum() / len(y_true))


def calibration_gaps(y_true: NDArray[np.int64], y_score: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return each text's bin and how far being correct (1 or 0) is above its confidence, both of shape (n_texts,).

    Confidence is the highest probability of a text; bins are (0, 1/15], …, (14/15, 1].
    """
    confidence = y_score.max(axis=1)
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    return bins, (y_score.argmax(axis=1) == y_true) - confidence


def roc_auc(y_true: Counts, y_score: Floats) -> float | None:
    """Return the area under the ROC curve of each class against the rest, averaged over the classes.

    None where a class has no text, since its curve is undefined.
    """
    from sklearn.metrics import roc_auc_score

    truth = _one_against_rest(y_true, y_score.shape[1])
    return None if truth is None else float(roc_auc_score(truth, y_score, average="macro"))


def average_precision(y_true: Counts, y_score: Floats) -> float | None:
    """Return the average precision of each class against the rest, averaged over the classes.

    None where a class has no text, since its recall is undefined.
    """
    from sklearn.metrics import average_precision_score

    truth = _one_against_rest(y_true, y_score.shape[1])
    return None if truth is None else float(average_precision_score(truth, y_score, average="macro"))


def _one_against_rest(y_true: Counts, n_classes: int) -> Counts | None:
    """Return 1 where a text is of a class, shape (n_texts, n_classes); None where a class has no text."""
    truth = np.eye(n_classes, dtype=np.int64)[y_true]
    return truth if truth.any(axis=0).all() else None


def _of_confusion(name: str) -> Callable[[Predictions, Counts], float | None]:
    return lambda predictions, matrix: float(metrics_of_confusion(matrix)[name])


def _of_scores(
    function: Callable[[Counts, Floats], Floats | float | None],
) -> Callable[[Predictions, Counts], float | None]:
    """Make a metric of a function of labels and scores; of one value a text the mean counts."""

    def compute(predictions: Predictions, matrix: Counts) -> float | None:
        assert predictions.y_score is not None
        value = function(predictions.y_true, predictions.y_score)
        return None if value is None else float(np.mean(value))

    return compute


#: Every scalar metric, in the order in which they are shown.
METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "accuracy", _of_confusion("accuracy"), resampled=True, rank=10),
        Metric("f1_macro", "macro F1", _of_confusion("f1_macro"), resampled=True),
        Metric("f1_weighted", "weighted F1", _of_confusion("f1_weighted"), resampled=True),
        Metric("recall_macro", "macro recall", _of_confusion("recall_macro"), resampled=True),
        Metric("mcc", "MCC", _of_confusion("mcc"), resampled=True),
        Metric("log_loss", "log loss", _of_scores(log_losses), True, False, resampled=True),
        Metric("brier", "Brier score", _of_scores(brier_scores), True, False, resampled=True),
        Metric("roc_auc", "ROC AUC", _of_scores(roc_auc), needs_scores=True, since=2, rank=12),
        Metric("average_precision", "average precision", _of_scores(average_precision), True, since=2, rank=12),
        Metric("ece", "ECE", _of_scores(expected_calibration_error), True, False, resampled=True, rank=11),
    )
}
#: Metrics that need probabilities and have intervals.
SCORE_METRICS = tuple(name for name, metric in METRICS.items() if metric.needs_scores and metric.resampled)
