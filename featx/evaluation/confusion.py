"""Confusion matrices and every metric that they determine, for one matrix or for thousands at once.

All of these metrics need only the margins of the matrix and its diagonal. The same function gives the point value
and its bootstrap, so that the two cannot drift apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from featx.evaluation.predictions import Predictions

#: Metrics that the confusion matrix alone determines.
CONFUSION_METRICS = ("accuracy", "f1_macro", "f1_weighted", "recall_macro", "mcc")

#: Metrics of each class.
CLASS_METRICS = ("precision", "recall", "f1")

Floats = NDArray[np.float64]


def confusion_matrix(predictions: Predictions) -> NDArray[np.int64]:
    """Return counts of shape (n_classes, n_classes), int64: rows true, columns predicted."""
    n_classes = len(predictions.label_names)
    cells = predictions.y_true * n_classes + predictions.y_pred
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.int64)


def metrics_of_confusion(matrix: NDArray[np.int64]) -> dict[str, Floats]:
    """Return `metrics_of_margins` of one or many confusion matrices, shape (..., n_classes, n_classes), rows true."""
    counts = np.asarray(matrix, np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return metrics_of_margins(hits, counts.sum(axis=-1), counts.sum(axis=-2))


def metrics_of_margins(hits: Floats, true: Floats, predicted: Floats) -> dict[str, Floats]:
    """Metrics out of the counts of each class.

    Parameters
    ----------
    hits, true, predicted : ndarray of shape (..., n_classes), float64
        Texts of a class that are predicted so, that are of it, and that are predicted to be of it.

    Returns
    -------
    dict of str to ndarray of shape (...), float64
        The `CONFUSION_METRICS`. Macro averages are over the classes that occur in truth or prediction, and
        0/0 counts as 0, both as in scikit-learn. `mcc` is Gorodkin's multi-class R_K (Comput. Biol. Chem. 28,
        2004), 0 where it is undefined.
    """
    n = true.sum(axis=-1)
    recall, f1 = _ratio(hits, true), _ratio(2 * hits, true + predicted)
    n_occurring = ((true + predicted) > 0).sum(axis=-1)
    return {
        "accuracy": _ratio(hits.sum(axis=-1), n),
        "f1_macro": _ratio(f1.sum(axis=-1), n_occurring),
        "f1_weighted": _ratio((f1 * true).sum(axis=-1), n),
        "recall_macro": _ratio(recall.sum(axis=-1), n_occurring),
        "mcc": _mcc(hits.sum(axis=-1), true, predicted, n),
    }


def per_class(matrix: NDArray[np.int64]) -> dict[str, Floats]:
    """Precision, recall, F1 (0/0 is 0) and support of each class, each of shape (n_classes,)."""
    counts = np.asarray(matrix, np.float64)
    hits, true, predicted = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    return class_metrics_of_margins(hits, true, predicted) | {"support": true}


def class_metrics_of_margins(hits: Floats, true: Floats, predicted: Floats) -> dict[str, Floats]:
    """Return the `CLASS_METRICS` (0/0 is 0) out of the counts of each class, all of one shape (..., n_classes)."""
    return {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, true),
        "f1": _ratio(2 * hits, true + predicted),
    }


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)


def _mcc(hits: Floats, true: Floats, predicted: Floats, n: Floats) -> Floats:
    covariance = hits * n - (true * predicted).sum(axis=-1)
    spread = (n**2 - (true**2).sum(axis=-1)) * (n**2 - (predicted**2).sum(axis=-1))
    return _ratio(covariance, np.sqrt(spread))
