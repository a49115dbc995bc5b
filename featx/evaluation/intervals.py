"""Percentile bootstrap intervals over test texts and seeds, for one method or the difference of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featx.config import ReportSettings
from featx.evaluation.predictions import Predictions
from featx.evaluation.resampling import Resampler

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

    def within(self, margin: float) -> bool:
        """Whether the whole interval lies between -`margin` and `margin`."""
        return -margin < self.low and self.high < margin


def metric_interval(
    predictions: Sequence[Predictions], metric: str, settings: ReportSettings | None = None
) -> Interval:
    """Mean of a metric over the seeds of one method, with its interval over test texts and seeds."""
    settings = settings or ReportSettings()
    resamples = Resampler(predictions, settings.n_resamples).resamples(range(len(predictions)))
    return interval_of(float(resamples.values[metric].mean()), over_seeds(resamples.drawn[metric]), settings.confidence)


def over_seeds(drawn: Floats, seed: int = 0) -> Floats:
    """Mean over seeds in each resample, with the seeds resampled as well.

    Parameters
    ----------
    drawn : ndarray of shape (n_resamples, n_seeds), float64
        A metric of each seed's predictions on common resamples of the texts.
    seed : int
        Of the draw; methods that are compared must be given different ones, since their seeds are not paired.

    Returns
    -------
    ndarray of shape (n_resamples,), float64
        One seed is taken as it is. Of n seeds, n - 1 are drawn with replacement: with so few, n draws would make
        the variance too small by (n - 1) / n (McCarthy and Snowden, The Bootstrap and Finite Population Sampling,
        1985).
    """
    n_resamples, n_seeds = drawn.shape
    if n_seeds == 1:
        return np.asarray(drawn[:, 0])
    picked = np.random.default_rng(seed).integers(n_seeds, size=(n_resamples, n_seeds - 1))
    return np.asarray(np.take_along_axis(drawn, picked, axis=1).mean(axis=1))


def interval_of(value: float, drawn: Floats, confidence: float) -> Interval:
    """`value` with the percentile interval of its resamples, shape (n_resamples,)."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(value, float(low), float(high))
