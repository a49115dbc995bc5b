"""Bootstrap intervals over test texts and seeds, for one method or the difference of two.

Percentiles of resamples, moved by what the resamples are biased, and never shorter than few texts allow (see
``least_lengths``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featx.evaluation.least_lengths import Lengths, least_lengths
from featx.evaluation.predictions import Predictions
from featx.evaluation.resampling import Resampler
from featx.settings import ReportSettings

#: Lowest and highest value of metrics that are not shares between 0 and 1.
_RANGES = {"mcc": (-1.0, 1.0), "log_loss": (0.0, np.inf), "brier": (0.0, 2.0)}

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
        """Return whether the whole interval lies between -`margin` and `margin`."""
        return -margin < self.low and self.high < margin

    def at_least(self, lengths: Lengths) -> Interval:
        """Return the interval, made as long below and above its value as `lengths`."""
        return Interval(
            self.value, min(self.low, self.value - lengths.below), max(self.high, self.value + lengths.above)
        )

    def limited(self, lowest: float, highest: float) -> Interval:
        """Return the interval without what no value can be."""
        return Interval(self.value, *(float(np.clip(bound, lowest, highest)) for bound in (self.low, self.high)))


def metric_interval(
    predictions: Sequence[Predictions],
    metric: str,
    settings: ReportSettings | None = None,
    n_folds: int | None = None,
) -> Interval:
    """Return the mean of a metric over the seeds of one method, with its interval over test texts and seeds.

    For predictions that were put together of `n_folds` folds it is about the procedure: see `spread_over_folds`.
    """
    settings = settings or ReportSettings()
    resamples = Resampler(predictions, settings.n_resamples, n_folds=n_folds).resamples(range(len(predictions)))
    lengths = least_lengths(predictions, metric, settings.confidence)
    return interval_over_seeds(
        resamples.values[metric], resamples.drawn[metric], settings.confidence, lengths, range_of(metric)
    )


def range_of(metric: str) -> tuple[float, float]:
    """Return the lowest and the highest value that a metric can have."""
    return _RANGES.get(metric, (0.0, 1.0))


def interval_over_seeds(
    values: Floats, drawn: Floats, confidence: float, lengths: Lengths, limits: tuple[float, float]
) -> Interval:
    """Return the mean of `values` with its interval: see `over_seeds`, `Interval.at_least` and `Interval.limited`."""
    interval = interval_of(float(values.mean()), over_seeds(values, drawn), confidence)
    return interval.at_least(lengths).limited(*limits)


def over_seeds(values: Floats, drawn: Floats, seed: int = 0) -> Floats:
    """Return the mean over seeds in each resample of the texts, without its bias and with the chance of the seeds.

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

    Notes
    -----
    Macro averages over classes of few texts are lower in resamples than in the test set, since classes shrink and
    vanish; the test set is lower than the truth for the same reason. Taking that bias off once puts the resamples
    around the value, twice around the truth (Efron and Tibshirani, 1993, ch. 10). Metrics that are means over texts
    have no bias. What was tried beside it is in ``docs/statistics.md``.
    """
    mean = np.asarray(drawn.mean(axis=1))
    mean = np.asarray(mean - 2 * (mean.mean() - values.mean()))
    n_seeds = len(values)
    if n_seeds == 1:
        return np.asarray(mean)
    error = values.std(ddof=1) / np.sqrt(n_seeds)
    return np.asarray(mean + error * np.random.default_rng(seed).standard_t(n_seeds - 1, size=len(mean)))


def interval_of(value: float, drawn: Floats, confidence: float) -> Interval:
    """Return `value` with the percentile interval of its resamples, shape (n_resamples,)."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(value, float(low), float(high))
