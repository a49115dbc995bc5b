"""Intervals against scipy's bootstrap and against simulated test sets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import f1_score

from featx.config import ReportSettings
from featx.evaluation import Predictions, metric_interval, paired_difference, resampled_metric

NAMES = ("a", "b", "c")


def simulated(n: int, accuracy: float, seed: int, y_true: np.ndarray | None = None) -> Predictions:
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 3, n) if y_true is None else y_true
    wrong = rng.random(len(y_true)) > accuracy
    y_pred = np.where(wrong, (y_true + rng.integers(1, 3, len(y_true))) % 3, y_true)
    return Predictions(y_true, y_pred, None, NAMES)


def test_interval_agrees_with_scipy() -> None:
    made = simulated(300, 0.7, seed=1)
    ours = metric_interval([made], "f1_macro")
    theirs = bootstrap(
        (made.y_true, made.y_pred), lambda t, p: f1_score(t, p, average="macro"), paired=True, vectorized=False,
        n_resamples=2000, method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    assert ours.value == pytest.approx(f1_score(made.y_true, made.y_pred, average="macro"))
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.006)


def test_paired_interval_agrees_with_scipy() -> None:
    a = simulated(300, 0.75, seed=2)
    b = simulated(300, 0.65, seed=3, y_true=a.y_true)
    ours = paired_difference([a], [b], "accuracy")
    hits = (a.y_true == a.y_pred).astype(float) - (b.y_true == b.y_pred)
    theirs = bootstrap(
        (hits,), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    assert ours.value == pytest.approx(hits.mean())
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.004)


def test_pairing_narrows_the_interval_of_methods_that_agree() -> None:
    a = simulated(300, 0.7, seed=2)
    y_pred = a.y_pred.copy()
    y_pred[:6] = (y_pred[:6] + 1) % 3
    b = Predictions(a.y_true, y_pred, None, NAMES)
    paired = paired_difference([a], [b], "accuracy")
    alone = metric_interval([a], "accuracy")
    assert paired.high - paired.low < (alone.high - alone.low) / 2


def test_a_method_against_itself_is_exactly_zero() -> None:
    a = simulated(100, 0.6, seed=4)
    d = paired_difference([a], [a], "f1_macro")
    assert (d.value, d.low, d.high) == (0, 0, 0)
    assert not d.excludes_zero


def test_difference_changes_sign_with_order() -> None:
    a = simulated(200, 0.8, seed=5)
    b = simulated(200, 0.6, seed=6, y_true=a.y_true)
    forth, back = paired_difference([a], [b], "mcc"), paired_difference([b], [a], "mcc")
    assert forth.value == pytest.approx(-back.value)
    assert forth.low == pytest.approx(-back.high, abs=0.02)


def test_mean_over_seeds() -> None:
    seeds = [simulated(150, 0.7, seed=7)]
    seeds += [simulated(150, 0.7, seed=s, y_true=seeds[0].y_true) for s in (8, 9)]
    together = metric_interval(seeds, "accuracy")
    alone = [metric_interval([s], "accuracy").value for s in seeds]
    assert together.value == pytest.approx(np.mean(alone))


def test_predictions_of_other_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="same texts"):
        paired_difference([simulated(50, 0.7, 1)], [simulated(50, 0.7, 2)], "accuracy")


def test_resampling_is_the_same_each_time() -> None:
    made = simulated(50, 0.7, 1)
    first, again = (resampled_metric([made], "mcc", 500)[1] for _ in range(2))
    assert np.array_equal(first, again)


def test_coverage_of_the_interval_is_near_95_percent() -> None:
    """The true macro-F1 of this simulation is its accuracy, by symmetry of the classes."""
    settings = ReportSettings(n_resamples=999)
    hits = 0
    for seed in range(400):
        interval = metric_interval([simulated(200, 0.7, seed)], "f1_macro", settings)
        hits += interval.low <= 0.7 <= interval.high
    assert 0.92 <= hits / 400 <= 0.98


def test_false_alarms_are_rare_when_both_are_equal() -> None:
    settings = ReportSettings(n_resamples=999)
    alarms = 0
    for seed in range(400):
        a = simulated(200, 0.7, 2 * seed)
        b = simulated(200, 0.7, 2 * seed + 1, y_true=a.y_true)
        alarms += paired_difference([a], [b], "f1_macro", settings).excludes_zero
    assert alarms / 400 <= 0.08
