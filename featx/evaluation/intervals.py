"""Percentile bootstrap intervals over test texts and seeds, for one method or the difference of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featx.evaluation.predictions import Predictions
from featx.evaluation.resampling import Resampler
from featx.settings import ReportSettings

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
    values, drawn = resamples.values[metric], resamples.drawn[metric]
    return interval_of(float(values.mean()), over_seeds(values, drawn), settings.confidence)


def over_seeds(values: Floats, drawn: Floats, seed: int = 0) -> Floats:
    """Mean over seeds in each resample of the texts, with the chance of the seeds added.

    Parameters
    ----------
    values : ndarray of shape (n_seeds,), float64
        A metric of each seed's predictions.
    drawn : ndarray of shape (n_resamples, n_seeds), float64
        The same on common resamples of the texts.
    seed : int
        Of the draw; methods that are compared must be given different ones, since their seeds are not paired.

    Returns
    -------
    ndarray of shape (n_resamples,), float64
        To the mean of n seeds a draw of Student's t with n - 1 degrees of freedom is added, in units of its standard
        error: with so few seeds nobody knows their spread, and resampling them would make it too small (Efron and
        Tibshirani, 1993, sec. 12.2). One seed is taken as it is: nothing is known of its chance.
    """
    mean = np.asarray(drawn.mean(axis=1))
    n_seeds = len(values)
    if n_seeds == 1:
        return mean
    error = values.std(ddof=1) / np.sqrt(n_seeds)
    return np.asarray(mean + error * np.random.default_rng(seed).standard_t(n_seeds - 1, size=len(mean)))


def interval_of(value: float, drawn: Floats, confidence: float) -> Interval:
    """`value` with the percentile interval of its resamples, shape (n_resamples,)."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(value, float(low), float(high))
