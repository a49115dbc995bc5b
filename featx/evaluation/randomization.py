"""The exact test of two methods in any metric, by swapping their labels.

Where two methods are equal, it is chance which of two differing labels came from which. Swapping them text by text, in
all ways or in many, gives the distribution of the difference without any large numbers (Fisher's randomization test;
for F1: Yeh, More accurate tests for the statistical significance of result differences, COLING 2000). For accuracy it
is McNemar's exact test.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from featx.evaluation.confusion import metrics_of_margins
from featx.evaluation.predictions import Predictions

#: Up to so many texts that differ, every way of swapping them is looked at.
_ALL_WAYS = 12
#: Swaps that are drawn otherwise; swaps times texts or classes of each seed at most (1,999 swaps at least).
_N_SWAPS, _MOST_SWAPS = 9_999, 10_000_000
#: Swaps held in memory at once, times columns.
_BLOCK = 400_000
#: How many texts may be swapped in the time of one kind of texts.
_BINOMIAL_COST = 20
#: Differences that are equal but for rounding.
_SAME = 1e-9

Floats = NDArray[np.float64]


def randomization_p(a: Sequence[Predictions], b: Sequence[Predictions], metric: str, seed: int = 0) -> float:
    """Return the two-sided p-value of no difference in a metric that the confusion matrix determines.

    With several seeds a text's labels are swapped for all seeds at once; with unequal numbers of seeds they are
    repeated to a common number.

    Parameters
    ----------
    a, b : sequence of Predictions
        The seeds of two methods, on the same texts.
    metric : str
        One of ``CONFUSION_METRICS``.
    seed : int
        Of the draw.
    """
    n_seeds = math.lcm(len(a), len(b))
    pairs = [(a[k % len(a)], b[k % len(b)]) for k in range(n_seeds)]
    first = a[0]
    differing = np.flatnonzero(np.any([x.y_pred != y.y_pred for x, y in pairs], axis=0))
    if not len(differing):
        return 1.0
    alike, counts = _alike([first.y_true[differing], *(made.y_pred[differing] for pair in pairs for made in pair)])
    differing = differing[alike]
    moves = [(_Moves(x, y, differing), _Moves(y, x, differing)) for x, y in pairs]

    def differences(swaps: NDArray[np.float32]) -> Floats:
        apart = [x.metric(swaps, metric) - y.metric(swaps, metric) for x, y in moves]
        return np.asarray(np.abs(np.mean(apart, axis=0)))

    observed = differences(np.zeros((1, len(differing)), np.float32))[0] - _SAME
    n_extreme, n_swaps = 0, 0
    for swaps in _swaps(counts, seed, n_seeds * len(first.label_names)):
        n_extreme += int(np.count_nonzero(differences(swaps) >= observed))
        n_swaps += len(swaps)
    if counts.sum() <= _ALL_WAYS:
        return n_extreme / n_swaps
    return (1 + n_extreme) / (1 + n_swaps)


def _alike(labels: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a text of each kind, and how many there are: swapping counts of a kind is swapping texts, and cheaper.

    Each text by itself where there are few, or nearly as many kinds.
    """
    n = len(labels[0])
    _, example, counts = np.unique(np.stack(labels), axis=1, return_index=True, return_counts=True)
    if n <= _ALL_WAYS or len(counts) * _BINOMIAL_COST > n:
        return np.arange(n), np.ones(n, np.int64)
    order = np.argsort(example)  # the same whichever method comes first
    return example[order], counts[order]


class _Moves:
    """Predictions, some of whose labels may come from others.

    Parameters
    ----------
    predictions, other : Predictions
    differing : ndarray of shape (n_differing,), int64
        Texts whose labels may be swapped.
    """

    def __init__(self, predictions: Predictions, other: Predictions, differing: NDArray[np.int64]) -> None:
        from scipy.sparse import csr_array

        y_true, n_classes = predictions.y_true, len(predictions.label_names)
        right = y_true[predictions.y_pred == y_true]
        self._margins = [
            np.bincount(labels, minlength=n_classes).astype(np.float64)
            for labels in (right, y_true, predictions.y_pred)
        ]
        now, then = predictions.y_pred[differing], other.y_pred[differing]
        truth, one = y_true[differing], np.ones(len(differing), np.float32)
        columns = np.concatenate([now, then, n_classes + now, n_classes + then])
        change = np.concatenate([-one * (now == truth), one * (then == truth), -one, one])
        at = np.tile(np.arange(len(differing)), 4), columns
        self._change = csr_array((change, at), shape=(len(differing), 2 * n_classes))

    def metric(self, swaps: NDArray[np.float32], metric: str) -> Floats:
        """Return the metric for each row of `swaps`, shape (n_block,)."""
        moved = np.asarray(swaps @ self._change, np.float64)
        hits, true, predicted = self._margins
        n_classes = len(true)
        hits, predicted = moved[:, :n_classes] + hits, moved[:, n_classes:] + predicted
        return metrics_of_margins(hits, np.broadcast_to(true, hits.shape), predicted)[metric]


def _swaps(counts: NDArray[np.int64], seed: int, n_columns: int) -> Iterator[NDArray[np.float32]]:
    """Yield blocks of shape (n_block, n_kinds): of how many texts of each kind the labels are swapped."""
    if counts.sum() <= _ALL_WAYS:
        yield np.array(list(itertools.product((0, 1), repeat=len(counts))), np.float32)
        return
    rng = np.random.default_rng(seed)
    n_swaps = min(_N_SWAPS, max(1_999, _MOST_SWAPS // max(len(counts), n_columns)))
    block = max(1, _BLOCK // max(len(counts), n_columns))
    for start in range(0, n_swaps, block):
        shape = min(block, n_swaps - start), len(counts)
        if counts.max() == 1:
            yield rng.integers(0, 2, shape, np.int8).astype(np.float32)
        else:
            yield rng.binomial(counts, 0.5, shape).astype(np.float32)
