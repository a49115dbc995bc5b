"""What a handful of texts, or a class of a few, allows to say: simulations with fixed seeds.

Every bound below is a promise of ``docs/statistics.md``. A rate p out of R trials has a Monte-Carlo error of
sqrt(p (1 - p) / R). ``FEATX_SOAK=1`` takes ten times as many trials and more cases; ``pytest -s`` prints the rates, which the document quotes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import binom, poisson
from statsmodels.stats.proportion import proportion_confint

from featx.evaluation import (
    CONFUSION_METRICS,
    Predictions,
    Verdict,
    confusion_matrix,
    mcnemar,
    measure,
    metric_interval,
    metrics_of_confusion,
    paired_difference,
    verdict,
)
from featx.evaluation.change_bound import change_bound
from featx.evaluation.least_lengths import jeffreys
from featx.evaluation.randomization import randomization_p
from featx.settings import ReportSettings

SOAK = os.environ.get("FEATX_SOAK") == "1"
FAST = ReportSettings(n_resamples=999)


def trials(n: int) -> int:
    return 10 * n if SOAK else n


def soak(*cases: object) -> list:
    """Cases of which all but the first take part in the long form only."""
    return list(cases) if SOAK else list(cases[:1])


def drawn(
    rng: np.random.Generator, y_true: np.ndarray, recalls: Sequence[np.ndarray], together: float = 0.0
) -> list[Predictions]:
    """Predictions with these recalls of each class; a share of texts, `together`, is hard for all methods alike."""
    n_classes = len(recalls[0])
    shared, alike = rng.random(len(y_true)), rng.random(len(y_true)) < together
    other = (y_true + rng.integers(1, n_classes, len(y_true))) % n_classes
    made = []
    for recall in recalls:
        luck = np.where(alike, shared, rng.random(len(y_true)))
        y_pred = np.where(luck > recall[y_true], other, y_true)
        made.append(Predictions(y_true, y_pred, None, tuple(map(str, range(n_classes)))))
    return made


def said(a: Predictions, b: Predictions, metric: str = "f1_macro", margin: float = 0.0) -> Verdict:
    paired = paired_difference([a], [b], metric, FAST)
    return verdict(paired, paired.p_value, margin, 0.95)


@pytest.mark.parametrize("n", [1, 2, 6, 8, 10, 20, 50])
def test_equal_methods_are_seldom_called_better_or_worse(n: int) -> None:
    """At most 6 %, and twice the Monte-Carlo error in the short form: 1.5 % with 250 trials."""
    alarms, n_trials = 0, trials(250 if n == 50 else 100)
    for trial in range(n_trials):
        rng = np.random.default_rng(trial)
        a, b = drawn(rng, rng.integers(0, 3, n), [np.full(3, 0.7)] * 2)
        alarms += said(a, b) in (Verdict.BETTER, Verdict.WORSE)
    print(f"{n} test texts: {alarms / n_trials:.1%} of {n_trials} better or worse")
    slack = 0.0 if SOAK else 2 * np.sqrt(0.05 * 0.95 / n_trials)
    assert alarms / n_trials <= 0.06 + slack


@pytest.mark.parametrize("metric", soak("f1_macro", "recall_macro", "mcc"))
@pytest.mark.parametrize("together", [0.95, 0.5])
@pytest.mark.parametrize("rare", [0.01, 0.05])
def test_a_rare_class_hides_no_difference_that_matters(rare: float, together: float, metric: str) -> None:
    """Methods that differ by more than the margin in a rare class alone: equivalent in at most 2.5 %."""
    for n in (200, 2_000):
        wrong, n_trials = 0, trials(30)
        shares = np.array([(1 - rare) / 2, (1 - rare) / 2, rare])
        recalls = np.array([0.97, 0.97, 0.97]), np.array([0.97, 0.97, 0.7])
        for trial in range(n_trials):
            rng = np.random.default_rng(trial)
            a, b = drawn(rng, rng.choice(3, n, p=shares), recalls, together)
            wrong += said(a, b, metric, 0.02) is Verdict.EQUIVALENT
        print(f"{rare:.0%} of {n}, {together:.0%} alike, {metric}: {wrong / n_trials:.1%} of {n_trials} equivalent")
        assert _true_difference(shares, recalls, metric) > 0.02
        assert wrong / n_trials <= 0.025


def _table(shares: np.ndarray, recall: np.ndarray) -> np.ndarray:
    """Expected confusion matrix, with errors spread over the other classes."""
    n_classes = len(shares)
    wrong = (1 - recall)[:, None] * (1 - np.eye(n_classes)) / (n_classes - 1)
    return shares[:, None] * (np.diag(recall) + wrong)


def _true_difference(shares: np.ndarray, recalls: Sequence[np.ndarray], metric: str) -> float:
    a, b = (float(metrics_of_confusion(_table(shares, recall))[metric]) for recall in recalls)
    return abs(a - b)


def test_methods_that_are_equal_are_still_called_equivalent() -> None:
    """The bound costs no power where texts are plenty: balanced classes, many classes, a rare class of enough texts."""
    for shares, n in (([1 / 3] * 3, 1_500), ([1 / 77] * 77, 3_850), ([0.475, 0.475, 0.05], 12_000)):
        found = 0
        for trial in range(10):
            rng = np.random.default_rng(trial)
            y_true = rng.choice(len(shares), n, p=shares)
            found += said(*drawn(rng, y_true, [np.full(len(shares), 0.9)] * 2, 0.98), margin=0.02) is Verdict.EQUIVALENT
        assert found >= 8


CASES = {
    "77 classes of 5": (np.full(77, 5), np.linspace(0.5, 1.0, 77), False, 100),
    "10:10:1 of 50, drawn": (np.array([10, 10, 1]) * 50 / 21, np.full(3, 0.8), True, 200),
    "77 classes of 5, drawn": (np.full(77, 5), np.linspace(0.5, 1.0, 77), True, 100),
    "77 classes of 10": (np.full(77, 10), np.linspace(0.5, 1.0, 77), False, 100),
    "77 classes of 20, drawn": (np.full(77, 20), np.linspace(0.5, 1.0, 77), True, 100),
    "77 classes of 40": (np.full(77, 40), np.linspace(0.5, 1.0, 77), False, 100),
    "10:10:1 of 200, drawn": (np.array([10, 10, 1]) * 200 / 21, np.array([0.9, 0.9, 0.6]), True, 200),
    "3 classes of 200, drawn": (np.full(3, 200 / 3), np.full(3, 0.95), True, 200),
}


def covered(case: str) -> float:
    counts, recall, by_chance, n = CASES[case]
    shares, n_texts = counts / counts.sum(), round(counts.sum())
    truth = float(metrics_of_confusion(_table(shares, recall))["f1_macro"])
    hits = 0
    for trial in range(trials(n)):
        rng = np.random.default_rng(trial)
        texts = rng.choice(len(shares), n_texts, p=shares) if by_chance else np.repeat(np.arange(len(shares)), counts)
        interval = metric_interval(drawn(rng, texts, [recall]), "f1_macro", FAST)
        hits += interval.low <= truth <= interval.high
    return hits / trials(n)


@pytest.mark.parametrize("case", list(CASES) if SOAK else list(CASES)[:3])
def test_coverage_with_classes_of_few_texts(case: str) -> None:
    """92 to 98 %, and the Monte-Carlo error of the short form: 2.2 % with 100 trials."""
    rate, slack = covered(case), 0.0 if SOAK else 0.022
    print(f"{case}: covered in {rate:.1%} of {trials(CASES[case][3])}")
    assert 0.92 - slack <= rate <= 0.98 + slack


def test_the_exact_test_is_mcnemars_for_accuracy() -> None:
    for trial in range(20):
        rng = np.random.default_rng(trial)
        a, b = drawn(rng, rng.integers(0, 2, 8 + trial), [np.full(2, 0.9), np.full(2, 0.6)], 0.5)
        p_value = randomization_p([a], [b], "accuracy")
        assert p_value == pytest.approx(mcnemar([a], [b]), abs=1e-9 if trial < 5 else 0.02)
        assert p_value == pytest.approx(randomization_p([b], [a], "accuracy"), abs=1e-12)


def test_the_exact_test_with_several_seeds_counts_texts_not_seeds() -> None:
    rng = np.random.default_rng(0)
    a, b = drawn(rng, rng.integers(0, 3, 10), [np.full(3, 0.95), np.full(3, 0.4)])
    alone = randomization_p([a], [b], "f1_macro")
    assert randomization_p([a, a, a], [b, b], "f1_macro") == pytest.approx(alone)
    assert randomization_p([a], [a, a], "f1_macro") == 1.0


def test_jeffreys_limits_are_those_of_statsmodels() -> None:
    for count, n in ((1, 2), (7, 20), (19, 20), (150, 200)):
        assert np.ravel(jeffreys(count, n, 0.95)) == pytest.approx(proportion_confint(count, n, method="jeffreys"))
    assert jeffreys(0, 5, 0.95)[0] == 0.0
    assert jeffreys(5, 5, 0.95)[1] == 1.0


@pytest.mark.parametrize("metric", CONFUSION_METRICS)
def test_no_change_of_labels_moves_a_metric_by_more_than_its_weights(metric: str) -> None:
    """The weights of the bound, tried: any few labels changed in any confusion move the metric by no more."""
    from featx.evaluation.change_bound import _weights

    for trial in range(200):
        rng = np.random.default_rng(trial)
        n_classes, n = int(rng.integers(2, 5)), int(rng.integers(40, 400))
        y_true = np.concatenate([np.arange(n_classes), rng.choice(n_classes, n, p=rng.dirichlet(np.ones(n_classes)))])
        (a,) = drawn(rng, y_true, [rng.random(n_classes)])
        y_pred = a.y_pred.copy()
        rows = rng.choice(len(y_true), int(rng.integers(1, 6)), replace=False)
        y_pred[rows] = rng.integers(0, n_classes, len(rows))
        b = Predictions(y_true, y_pred, None, a.label_names)
        own, foreign = _weights(a, b, metric, 0.95)
        moved = sum(
            (own if label[row] == y_true[row] else foreign)[label[row]]
            for row in np.flatnonzero(a.y_pred != y_pred)
            for label in (a.y_pred, y_pred)
        )
        assert abs(measure(a)[metric] - measure(b)[metric]) <= moved + 1e-12


def test_the_bound_is_that_of_poisson_where_nothing_was_seen() -> None:
    y_true = np.repeat([0, 1], [990, 10])
    made = Predictions(y_true, y_true, None, ("a", "b"))
    assert change_bound([made], [made], "accuracy", 0.95) == pytest.approx(-np.log(0.025) / 1_000)
    assert poisson.cdf(0, 1_000 * change_bound([made], [made], "accuracy", 0.95)) == pytest.approx(0.025)
    # Ten texts of a class say little of it: its F1 weighs a half.
    assert change_bound([made], [made], "recall_macro", 0.95) == pytest.approx(-np.log(0.025) / 20)
    assert binom.cdf(0, 10, 2 * change_bound([made], [made], "recall_macro", 0.95)) < 0.025
    assert change_bound([made], [made], "f1_macro", 0.95) > 0.1
    assert change_bound([made], [made], "log_loss", 0.95) == np.inf


def test_two_texts_decide_nothing() -> None:
    y_true = np.array([0, 1])
    a, b = (Predictions(y_true, y_pred, None, ("a", "b")) for y_pred in (y_true, 1 - y_true))
    paired = paired_difference([a], [b], "f1_macro")
    assert paired.difference.value == 1.0
    assert (paired.difference.low, paired.difference.high) == (0.0, 1.0)
    assert paired.p_value == 0.5
    interval = metric_interval([a], "f1_macro")
    assert (interval.value, interval.high) == (1.0, 1.0)
    assert interval.low < 0.4


def test_nothing_is_said_where_all_texts_are_of_one_class() -> None:
    y_true = np.zeros(400, np.int64)
    wrong = np.where(np.arange(400) < 200, 1, 0)
    a, b = (Predictions(y_true, y_pred, None, ("a", "b")) for y_pred in (y_true, wrong))
    for metric in CONFUSION_METRICS:
        assert said(a, b, metric, 0.02) is Verdict.UNDECIDED
        assert said(a, a, metric, 0.02) is Verdict.UNDECIDED


def _attack(rng: np.random.Generator) -> tuple[list[Predictions], list[Predictions]]:
    """Two methods on any test set: tiny, of one class, of many, with classes missing, constant, identical, 1 to 5 seeds."""
    n, n_classes = int(rng.choice([1, 2, 3, 7, 30, 200])), int(rng.choice([2, 3, 8, 60]))
    y_true = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, rng.choice([0.1, 1.0, 10.0]))))
    recall = np.full(n_classes, rng.choice([0.0, 0.1, 0.6, 1.0]))
    sides = []
    for _ in range(2):
        kind, n_seeds = rng.choice(["any", "constant", "same"]), int(rng.integers(1, 6))
        made = drawn(rng, y_true, [recall] * n_seeds)
        if kind == "constant":
            label = np.full(n, rng.integers(n_classes))
            made = [Predictions(y_true, label, None, made[0].label_names)] * n_seeds
        sides.append([made[0]] * n_seeds if kind == "same" else made)
    return (sides[0], sides[0]) if rng.random() < 0.1 else (sides[0], sides[1])


def test_any_test_set_gives_bounds_in_range_and_verdicts_that_the_exact_test_agrees_with() -> None:
    for trial in range(trials(30)):
        rng = np.random.default_rng(trial)
        a, b = _attack(rng)
        metric = str(rng.choice(CONFUSION_METRICS))
        lowest = -1.0 if metric == "mcc" else 0.0
        for side in (a, b):
            interval = metric_interval(side, metric, FAST)
            assert lowest <= interval.low <= interval.value <= interval.high <= 1.0
        paired = paired_difference(a, b, metric, FAST)
        d = paired.difference
        assert lowest - 1 <= d.low <= d.value <= d.high <= 1 - lowest
        assert 0 < paired.p_value <= 1
        assert np.isfinite([paired.p_value, paired.mcnemar_p, paired.minimum_detectable_difference]).all()
        what = verdict(paired, paired.p_value, 0.02, 0.95)
        if what in (Verdict.BETTER, Verdict.WORSE):
            assert randomization_p(a, b, metric) <= 0.05
            assert (d.low > 0) if what is Verdict.BETTER else (d.high < 0)
            assert len(np.unique(a[0].y_true)) > 1
        if what is Verdict.EQUIVALENT:
            assert -0.02 < d.low <= d.high < 0.02
        assert confusion_matrix(a[0]).sum() == len(a[0])
