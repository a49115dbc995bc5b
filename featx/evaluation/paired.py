"""Two methods on the same test texts: difference, tests, and a verdict in words.

The verdict rests on the paired interval and the exact test of the metric that is asked for, and on a bound of what the
test set cannot show. McNemar's test, which is about accuracy, stands beside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from featx.evaluation.change_bound import ENOUGH, change_bound
from featx.evaluation.intervals import Interval, interval_of, over_seeds, range_of
from featx.evaluation.least_lengths import least_lengths_of_difference
from featx.evaluation.predictions import Predictions
from featx.evaluation.randomization import randomization_p
from featx.evaluation.resampling import Resampler, check_same_texts
from featx.settings import ReportSettings

#: Power at which the detectable difference is stated.
POWER = 0.8
#: Above this a p-value of the bootstrap decides nothing, and the exact test is left out.
_DECIDES_NOTHING = 0.1

Floats = NDArray[np.float64]


class Verdict(StrEnum):
    """What can be said of a method against the reference."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Paired:
    """A metric of method A less that of method B.

    Attributes
    ----------
    difference : Interval
        Means over seeds, with the paired interval over test texts and seeds.
    p_value : float
        Two-sided, of no difference in the metric: the larger of twice the smaller tail of the resampled differences,
        and the exact test's (`randomization_p`), without which a handful of texts would seem certain.
    mcnemar_p : float
        Exact, of equal accuracy: see `mcnemar`.
    minimum_detectable_difference : float
        Smallest difference that a test set and seeds like these show with a power of 80 %, in one two-sided comparison.
    disagreement : float
        Where the two differ on few texts only, what the share of such texts may be; 0 where there are enough for the
        interval to be trusted. See `disagreement_bound`.
    change_bound : float
        How much the metric may differ through disagreements that the test set is too small to show: see `change_bound`.
    one_class : bool
        Whether all test texts are of one class, so that nothing can be said.
    """

    difference: Interval
    p_value: float
    mcnemar_p: float
    minimum_detectable_difference: float
    disagreement: float = 0.0
    change_bound: float = 0.0
    one_class: bool = False


def paired_difference(
    a: Sequence[Predictions],
    b: Sequence[Predictions],
    metric: str,
    settings: ReportSettings | None = None,
    n_folds: int | None = None,
) -> Paired:
    """Compare the seeds of method `a` with those of method `b`, for the same texts.

    For predictions that were put together of `n_folds` folds it is about the procedures: see `spread_over_folds`.

    Raises
    ------
    ValueError
        If the predictions are not for the same texts.
    """
    settings = settings or ReportSettings()
    resamples = Resampler([*a, *b], settings.n_resamples, n_folds=n_folds).resamples(range(len(a) + len(b)))
    values, drawn = resamples.values[metric], resamples.drawn[metric]
    n = len(a)
    return paired_of((values[:n], drawn[:, :n]), (values[n:], drawn[:, n:]), (a, b), metric, settings.confidence)


def paired_of(
    a: tuple[Floats, Floats],
    b: tuple[Floats, Floats],
    predictions: tuple[Sequence[Predictions], Sequence[Predictions]],
    metric: str,
    confidence: float,
) -> Paired:
    """Return `Paired` out of common resamples.

    Parameters
    ----------
    a, b : (values, drawn)
        Of shape (n_seeds,) and (n_resamples, n_seeds), float64.
    predictions : (seeds of a, seeds of b)
    metric : str
        What the values and resamples are of.
    confidence : float
    """
    drawn = over_seeds(*a, seed=1) - over_seeds(*b, seed=2)
    p_value = _tail(drawn)
    if p_value <= max(_DECIDES_NOTHING, 1 - confidence):
        p_value = max(p_value, randomization_p(*predictions, metric))
    lengths = least_lengths_of_difference(*predictions, metric, confidence)
    interval = interval_of(float(a[0].mean() - b[0].mean()), drawn, confidence).at_least(lengths)
    if p_value > 1 - confidence:
        interval = _holding_zero(interval)
    lowest, highest = range_of(metric)
    bound = disagreement_bound(*predictions, confidence)
    return Paired(
        difference=interval.limited(lowest - highest, highest - lowest),
        p_value=p_value,
        mcnemar_p=mcnemar(*predictions),
        minimum_detectable_difference=max(_minimum_detectable_difference(interval, confidence), bound),
        disagreement=bound,
        change_bound=change_bound(*predictions, metric, confidence),
        one_class=len(np.unique(predictions[0][0].y_true)) < 2,
    )


def _holding_zero(interval: Interval) -> Interval:
    """Return the interval up to zero: what the exact test does not refuse, the interval holds."""
    return Interval(interval.value, min(interval.low, 0.0), max(interval.high, 0.0))


def _tail(drawn: Floats) -> float:
    """Twice the share of resamples on the far side of zero; never 0 (Davison and Hinkley, 1997, eq. 4.11)."""
    below, above = np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0)
    return float(min(1.0, 2 * (1 + min(below, above)) / (1 + len(drawn))))


def _minimum_detectable_difference(interval: Interval, confidence: float) -> float:
    """Return it from the half width: Student's t with few degrees of freedom has no standard deviation."""
    from scipy.special import ndtri

    z = ndtri((1 + confidence) / 2)
    return float((z + ndtri(POWER)) / z * (interval.high - interval.low) / 2)


def disagreement_bound(a: Sequence[Predictions], b: Sequence[Predictions], confidence: float) -> float:
    """Upper limit of the share of texts that two methods label differently, where they do so on few.

    Resamples of a handful of texts, or of none, make an interval far too narrow: that nobody disagreed on 5 texts says
    little of the next 5. Exact (Clopper and Pearson, Biometrika 26, 1934), of the pair of seeds that differs least; 0
    with 20 such texts or more.
    """
    from scipy.special import betaincinv

    n = len(a[0])
    fewest = min(int(np.count_nonzero(x.y_pred != y.y_pred)) for x, y in itertools.product(a, b))
    if fewest >= ENOUGH:
        return 0.0
    return float(betaincinv(fewest + 1, n - fewest, (1 + confidence) / 2)) if fewest < n else 1.0


def mcnemar(a: Sequence[Predictions], b: Sequence[Predictions]) -> float:
    """Exact binomial McNemar test of equal accuracy, two-sided; 1 when nobody disagrees.

    With several seeds every seed of `a` meets every seed of `b`, and the result is twice the median of these p-values,
    which holds whatever their dependence (Vovk and Wang, Combining p-values via averaging, Biometrika 2020). It speaks
    of these trained models; what other seeds would give is in the interval, not here.

    Raises
    ------
    ValueError
        If the predictions are not for the same texts.
    """
    check_same_texts([*a, *b])
    p_values = [_mcnemar(one, other) for one, other in itertools.product(a, b)]
    return p_values[0] if len(p_values) == 1 else min(1.0, 2 * float(np.median(p_values)))


def _mcnemar(a: Predictions, b: Predictions) -> float:
    from scipy.stats import binomtest

    right_a, right_b = a.y_pred == a.y_true, b.y_pred == b.y_true
    only_a, only_b = int(np.count_nonzero(right_a & ~right_b)), int(np.count_nonzero(right_b & ~right_a))
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, in their order (Holm, Scand. J. Statist. 6, 1979)."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, at in enumerate(np.argsort(p_values, kind="stable").tolist()):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = highest
    return adjusted


def verdict(paired: Paired, adjusted_p: float, margin: float, confidence: float) -> Verdict:
    """Return what the interval and the p-value, adjusted for the number of methods, allow to say.

    ``equivalent`` when the whole interval, made longer by what the test set cannot show, lies within ±`margin`, even if
    it leaves out 0: a difference that small is none that matters. Where the methods differ on few texts, their share
    must be bounded by `margin` as well. ``better`` or ``worse`` when the adjusted p-value is at most 1 - `confidence`.
    Nothing is said where all test texts are of one class.
    """
    difference = paired.difference
    if paired.one_class:
        return Verdict.UNDECIDED
    if difference.within(margin - paired.change_bound) and paired.disagreement < margin:
        return Verdict.EQUIVALENT
    if adjusted_p <= 1 - confidence and difference.excludes_zero:
        return Verdict.BETTER if difference.value > 0 else Verdict.WORSE
    return Verdict.UNDECIDED
