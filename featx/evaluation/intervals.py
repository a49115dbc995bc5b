"""Percentile bootstrap intervals over test texts, for one method or several on the same texts.

A metric that the confusion matrix determines is resampled exactly as a multinomial draw over the cells of the joint
table (truth, prediction of A, prediction of B, …): drawing n texts with replacement and tabulating them has that
very distribution, and the cost does not grow with n. Percentile intervals: Efron and Tibshirani, An Introduction to
the Bootstrap (1993), ch. 13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featx.config import ReportSettings
from featx.evaluation.confusion import metrics_of_confusion
from featx.evaluation.predictions import Predictions

#: Resamples held in memory at once; bounds the memory for many classes.
_BLOCK = 1_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A value with its confidence interval."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def resampled_metric(
    predictions: Sequence[Predictions], metric: str, n_resamples: int, seed: int = 0
) -> tuple[Floats, Floats]:
    """A metric of several predictions for the same texts, and its values on common resamples of these texts.

    Parameters
    ----------
    predictions : sequence of Predictions, length n_predictions
        Of the same texts: truths and label names must agree.
    metric : str
        One of `CONFUSION_METRICS`.
    n_resamples, seed : int

    Returns
    -------
    values : ndarray of shape (n_predictions,), float64
    drawn : ndarray of shape (n_resamples, n_predictions), float64

    Raises
    ------
    ValueError
        If the predictions are not for the same texts.
    """
    first = predictions[0]
    for other in predictions[1:]:
        if other.label_names != first.label_names or not np.array_equal(other.y_true, first.y_true):
            raise ValueError("predictions must be for the same texts, with the same truth and label names")
    n_classes, n = len(first.label_names), len(first)
    table = np.stack([first.y_true, *(made.y_pred for made in predictions)], axis=1)
    cells, counts = np.unique(table, axis=0, return_counts=True)
    flat = [cells[:, 0] * n_classes + cells[:, 1 + k] for k in range(len(predictions))]
    values = np.stack([_metric(counts[None], cell, n_classes, metric)[0] for cell in flat])
    rng = np.random.default_rng(seed)
    drawn = np.empty((n_resamples, len(predictions)))
    for start in range(0, n_resamples, _BLOCK):
        draw = rng.multinomial(n, counts / n, size=min(_BLOCK, n_resamples - start))
        for k, cell in enumerate(flat):
            drawn[start : start + len(draw), k] = _metric(draw, cell, n_classes, metric)
    return values, drawn


def metric_interval(
    predictions: Sequence[Predictions], metric: str, settings: ReportSettings | None = None
) -> Interval:
    """Mean of a metric over the seeds of one method, with its interval over test texts."""
    settings = settings or ReportSettings()
    values, drawn = resampled_metric(predictions, metric, settings.n_resamples)
    return _interval(values.mean(), drawn.mean(axis=1), settings)


def paired_difference(
    a: Sequence[Predictions], b: Sequence[Predictions], metric: str, settings: ReportSettings | None = None
) -> Interval:
    """Mean of a metric over the seeds of `a` less that of `b`, with its paired interval over test texts."""
    settings = settings or ReportSettings()
    values, drawn = resampled_metric([*a, *b], metric, settings.n_resamples)
    n = len(a)
    value = values[:n].mean() - values[n:].mean()
    return _interval(value, drawn[:, :n].mean(axis=1) - drawn[:, n:].mean(axis=1), settings)


def _metric(draws: NDArray[np.int64], cell: NDArray[np.int64], n_classes: int, metric: str) -> Floats:
    """Metric of each draw over the joint table, with all but one prediction summed out."""
    order = np.argsort(cell, kind="stable")
    there, starts = np.unique(cell[order], return_index=True)
    matrices = np.zeros((len(draws), n_classes**2), np.int64)
    matrices[:, there] = np.add.reduceat(draws[:, order], starts, axis=1)
    return metrics_of_confusion(matrices.reshape(-1, n_classes, n_classes))[metric]


def _interval(value: float, drawn: Floats, settings: ReportSettings) -> Interval:
    tail = (1 - settings.confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high))
