"""How long an interval must be at least, whatever the resamples of a handful of texts say.

Resamples of two texts that are both right are right too, and an interval made of them has no length. What a count of
texts says of a share is known without resamples: Jeffreys' interval (Brown, Cai and DasGupta, Statist. Sci. 16, 2001).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from featx.evaluation.confusion import confusion_matrix
from featx.evaluation.predictions import Predictions

#: Metrics that are means over classes.
_MACRO = ("f1_macro", "recall_macro")
#: Metrics that change with accuracy and nearly as much.
_SHARES = ("accuracy", "f1_macro", "f1_weighted", "recall_macro")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lengths:
    """How far an interval reaches at least below and above its value."""

    below: float = 0.0
    above: float = 0.0


def jeffreys(count: ArrayLike, n: ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Return the lower and upper limit of a share, of which `count` of `n` texts were seen (means over seeds too)."""
    from scipy.special import betaincinv

    count, n = np.asarray(count, np.float64), np.asarray(n, np.float64)
    tail = (1 - confidence) / 2
    low = np.where(count > 0, betaincinv(count + 0.5, n - count + 0.5, tail), 0.0)
    high = np.where(count < n, betaincinv(count + 0.5, n - count + 0.5, 1 - tail), 1.0)
    return low, high


def lengths_of_share(count: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return how far Jeffreys' interval reaches below and above ``count / n``, element by element; 1 where n is 0."""
    low, high = jeffreys(count, np.maximum(n, np.finfo(np.float64).tiny), confidence)
    share = np.divide(count, n, out=np.full(np.shape(n), np.nan), where=n > 0)
    return np.where(n > 0, share - low, 1.0), np.where(n > 0, high - share, 1.0)


def least_lengths(predictions: Sequence[Predictions], metric: str, confidence: float) -> Lengths:
    """Return how far the interval of a metric of one method reaches at least.

    As far as the accuracy over all texts may be off; for a mean over classes also as far as the recall of any single
    class may be off, over the number of classes; one that is predicted and of which there is no text may be as good as
    all are together.
    Nothing for metrics that are no shares of texts.

    Parameters
    ----------
    predictions : sequence of Predictions
        The seeds of one method.
    metric : str
    confidence : float
    """
    matrix = np.mean([confusion_matrix(made) for made in predictions], axis=0)
    scale = _scale(matrix, metric)
    if scale is None:
        return Lengths()
    true, hits = matrix.sum(axis=1), np.diagonal(matrix)
    below, above = lengths_of_share(hits.sum(keepdims=True), true.sum(keepdims=True), confidence)
    lengths = Lengths(float(scale * below[0]), float(scale * above[0]))
    if metric not in _MACRO:
        return lengths
    occurring = true + matrix.sum(axis=0) > 0
    below, above = lengths_of_share(hits[occurring], true[occurring], confidence)
    n_occurring = np.count_nonzero(occurring)
    above = np.where(true[occurring] > 0, above, hits.sum() / true.sum())
    return Lengths(
        max(lengths.below, float(below.max()) / n_occurring), max(lengths.above, float(above.max()) / n_occurring)
    )


def least_lengths_of_difference(
    a: Sequence[Predictions], b: Sequence[Predictions], metric: str, confidence: float
) -> Lengths:
    """Return how far the interval of a difference reaches at least: the same for texts that only one gets right.

    Nothing where nobody disagrees: how far that can be trusted is said apart (``change_bound``).
    """
    scale = _scale(np.asarray(confusion_matrix(a[0]), np.float64), metric)
    pairs = list(itertools.product(a, b))
    if scale is None or all(np.array_equal(x.y_pred, y.y_pred) for x, y in pairs):
        return Lengths()
    right = [(x.y_pred == x.y_true, y.y_pred == y.y_true) for x, y in pairs]
    only_a = np.mean([np.count_nonzero(x & ~y) for x, y in right], keepdims=True)
    only_b = np.mean([np.count_nonzero(y & ~x) for x, y in right], keepdims=True)
    n = np.array([float(len(a[0]))])
    (a_below, a_above), (b_below, b_above) = (lengths_of_share(count, n, confidence) for count in (only_a, only_b))
    return Lengths(
        float(scale * max(a_below[0], b_above[0])),
        float(scale * max(a_above[0], b_below[0])),
    )


def least_lengths_of_classes(predictions: Sequence[Predictions], confidence: float) -> dict[str, tuple[Floats, Floats]]:
    """Return how far the interval of each class metric reaches at least: below and above, of shape (n_classes,).

    F1 is the share of hits in the mean of true and predicted texts.
    """
    matrix = np.mean([confusion_matrix(made) for made in predictions], axis=0)
    hits, true, predicted = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    texts = {"precision": predicted, "recall": true, "f1": (true + predicted) / 2}
    return {name: lengths_of_share(hits, n, confidence) for name, n in texts.items()}


def _scale(matrix: Floats, metric: str) -> float | None:
    """Return how many times as much as accuracy a metric changes; None where it has nothing to do with it."""
    if metric in _SHARES:
        return 1.0
    if metric != "mcc":
        return None
    shares = matrix.sum(axis=1) / matrix.sum()
    spread = 1 - float((shares**2).sum())
    return 1 / spread if spread > 0 else 1.0
