"""All metrics of one set of predictions, as plain numbers for ``run.json``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.evaluation.confusion import CONFUSION_METRICS, confusion_matrix, metrics_of_confusion, per_class
from featx.evaluation.predictions import Predictions

#: Metrics that need probabilities; None for a method that has none.
SCORE_METRICS = ("log_loss", "brier", "ece")
#: Every scalar metric, in the order in which they are shown.
METRICS = CONFUSION_METRICS + SCORE_METRICS
#: Bins of the expected calibration error.
ECE_BINS = 15

Floats = NDArray[np.float64]


def measure(predictions: Predictions) -> dict[str, Any]:
    """Every metric of `predictions`.

    Returns
    -------
    dict
        Each name of `METRICS` (float, or None for score metrics without scores), ``per_class`` (a dict of
        precision, recall, f1, support for each label name) and ``confusion_matrix`` (lists of counts, rows
        true). Ready for JSON.

    Raises
    ------
    ValueError
        If there are no predictions.
    """
    if not len(predictions):
        raise ValueError("no predictions to measure; expected at least one")
    matrix = confusion_matrix(predictions)
    metrics: dict[str, Any] = {name: float(value) for name, value in metrics_of_confusion(matrix).items()}
    metrics |= _score_metrics(predictions)
    classes = per_class(matrix)
    metrics["per_class"] = {
        label: {name: float(values[i]) if name != "support" else int(values[i]) for name, values in classes.items()}
        for i, label in enumerate(predictions.label_names)
    }
    metrics["confusion_matrix"] = matrix.tolist()
    return metrics


def _score_metrics(predictions: Predictions) -> dict[str, float | None]:
    if predictions.y_score is None:
        return dict.fromkeys(SCORE_METRICS)
    return {
        "log_loss": float(log_losses(predictions.y_true, predictions.y_score).mean()),
        "brier": float(brier_scores(predictions.y_true, predictions.y_score).mean()),
        "ece": expected_calibration_error(predictions.y_true, predictions.y_score),
    }


def log_losses(y_true: NDArray[np.int64], y_score: Floats) -> Floats:
    """Negative log probability of the true class, shape (n_texts,), in nats.

    Probabilities are clipped to the machine epsilon of their dtype and then normalised, as scikit-learn does.
    """
    eps = np.finfo(y_score.dtype).eps
    clipped = np.clip(y_score / y_score.sum(axis=1, keepdims=True), eps, 1 - eps)
    return np.asarray(-np.log(clipped[np.arange(len(y_true)), y_true]), np.float64)


def brier_scores(y_true: NDArray[np.int64], y_score: Floats) -> Floats:
    """Squared distance of probabilities and truth, shape (n_texts,), halved for two classes (Brier, 1950)."""
    truth = np.eye(y_score.shape[1])[y_true]
    scores = ((y_score - truth) ** 2).sum(axis=1)
    return np.asarray(scores / 2 if y_score.shape[1] == 2 else scores, np.float64)


def expected_calibration_error(y_true: NDArray[np.int64], y_score: Floats) -> float:
    """Gap between confidence and accuracy, averaged over 15 equal bins (Guo et al., ICML 2017, eq. 5)."""
    bins, gaps = calibration_gaps(y_true, y_score)
    return float(np.abs(np.bincount(bins, weights=gaps, minlength=ECE_BINS)).sum() / len(y_true))


def calibration_gaps(y_true: NDArray[np.int64], y_score: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Bin of each text and how far being correct (1 or 0) is above its confidence, each of shape (n_texts,).

    Confidence is the highest probability of a text; bins are (0, 1/15], …, (14/15, 1].
    """
    confidence = y_score.max(axis=1)
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    return bins, (y_score.argmax(axis=1) == y_true) - confidence
