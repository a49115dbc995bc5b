"""Paired tests against statsmodels, and verdicts against simulated test sets."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from featx.errors import SettingsError
from featx.evaluation import Interval, Paired, Predictions, Verdict, holm, mcnemar, paired_difference, verdict
from featx.evaluation.paired import disagreement_bound
from featx.settings import ReportSettings

NAMES = ("a", "b", "c")
FAST = ReportSettings(n_resamples=999, margin=0.0)


def simulated(n: int, accuracy: float, seed: int, y_true: np.ndarray | None = None) -> Predictions:
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 3, n) if y_true is None else y_true
    wrong = rng.random(len(y_true)) > accuracy
    return Predictions(y_true, np.where(wrong, (y_true + rng.integers(1, 3, n)) % 3, y_true), None, NAMES)


def pair(n: int, accuracies: tuple[float, float], seed: int) -> tuple[Predictions, Predictions]:
    a = simulated(n, accuracies[0], 2 * seed)
    return a, simulated(n, accuracies[1], 2 * seed + 1, y_true=a.y_true)


@pytest.mark.parametrize("accuracies", [(0.7, 0.7), (0.8, 0.6), (0.9, 0.85)])
def test_mcnemar_agrees_with_statsmodels(accuracies: tuple[float, float]) -> None:
    for seed in range(10):
        a, b = pair(80, accuracies, seed)
        right_a, right_b = a.y_true == a.y_pred, b.y_true == b.y_pred
        table = [[np.sum(x & y) for y in (right_b, ~right_b)] for x in (right_a, ~right_a)]
        assert mcnemar([a], [b]) == pytest.approx(reference_mcnemar(table, exact=True).pvalue)


def test_mcnemar_is_one_when_nobody_disagrees() -> None:
    a = simulated(50, 0.7, 0)
    assert mcnemar([a], [a]) == 1.0
    wrong_otherwise = np.where(a.y_pred != a.y_true, 3 - a.y_true - a.y_pred, a.y_pred)
    assert mcnemar([a], [Predictions(a.y_true, wrong_otherwise, None, NAMES)]) == 1.0


def test_mcnemar_over_seeds_is_valid() -> None:
    """Under equal accuracy, p-values at most 5 % come at most in 5 % of the test sets."""
    alarms = 0
    for seed in range(300):
        a = [simulated(100, 0.7, 10 * seed)]
        a += [simulated(100, 0.7, 10 * seed + k, y_true=a[0].y_true) for k in (1, 2)]
        b = [simulated(100, 0.7, 10 * seed + k, y_true=a[0].y_true) for k in (3, 4, 5)]
        alarms += mcnemar(a, b) <= 0.05
    assert alarms / 300 <= 0.05


def test_holm_agrees_with_statsmodels() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 12):
        p_values = np.round(rng.random(n) ** 3, 2)
        assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert holm([]) == []


def test_false_alarms_are_rare_when_both_are_equal() -> None:
    alarms = 0
    for seed in range(500):
        paired = paired_difference(*([made] for made in pair(200, (0.7, 0.7), seed)), "f1_macro", FAST)
        alarms += verdict(paired, paired.p_value, 0.0, 0.95) in (Verdict.BETTER, Verdict.WORSE)
    assert alarms / 500 <= 0.06


@pytest.mark.parametrize("spread", [0.01, 0.03])
@pytest.mark.parametrize(("n_a", "n_b"), [(2, 1), (3, 1), (3, 3), (5, 5)])
def test_false_alarms_are_rare_when_methods_vary_by_seed(n_a: int, n_b: int, spread: float) -> None:
    """Each seed has an accuracy of its own around one common mean, as large a chance as that of the texts or larger.

    A method with one seed has no such chance here: nothing is known of it where there is one.
    """
    alarms = 0
    for trial in range(250):
        rng = np.random.default_rng(trial)
        first = simulated(1_500, 0.7, 1_000 * trial)
        a, b = (
            [
                simulated(1_500, 0.7 + spread * rng.normal() * (n > 1), 1_000 * trial + 100 * m + s, first.y_true)
                for s in range(n)
            ]
            for m, n in ((1, n_a), (2, n_b))
        )
        paired = paired_difference(a, b, "f1_macro", FAST)
        alarms += verdict(paired, paired.p_value, 0.0, 0.95) in (Verdict.BETTER, Verdict.WORSE)
    assert alarms / 250 <= 0.06 + 0.015  # 0.06, and the chance of 250 trials


@pytest.mark.parametrize("n", [5, 20, 50, 100])
def test_methods_that_differ_by_more_than_the_margin_are_seldom_called_equivalent(n: int) -> None:
    """Accuracies 0.99 and 0.96: on few texts nobody may disagree at all."""
    wrong = 0
    for seed in range(300):
        paired = paired_difference(*([made] for made in pair(n, (0.99, 0.96), seed)), "accuracy", FAST)
        wrong += verdict(paired, paired.p_value, 0.02, 0.95) is Verdict.EQUIVALENT
    assert wrong / 300 <= 0.025


def test_identical_predictions_are_equivalent_only_on_enough_texts() -> None:
    few, many = simulated(100, 0.7, 0), simulated(1_000, 0.7, 0)
    for made, expected in ((few, Verdict.UNDECIDED), (many, Verdict.EQUIVALENT)):
        paired = paired_difference([made], [made], "f1_macro", FAST)
        assert verdict(paired, paired.p_value, 0.02, 0.95) is expected
        assert (
            paired.minimum_detectable_difference == paired.disagreement == pytest.approx(1 - 0.025 ** (1 / len(made)))
        )


def test_the_bound_of_disagreement_is_that_of_statsmodels() -> None:
    a, b = pair(400, (0.99, 0.97), 1)
    n_differ = int(np.count_nonzero(a.y_pred != b.y_pred))
    assert 0 < n_differ < 20
    _, high = proportion_confint(n_differ, 400, alpha=0.05, method="beta")
    assert disagreement_bound([a], [b], 0.95) == pytest.approx(high)
    assert disagreement_bound(*([made] for made in pair(400, (0.7, 0.7), 1)), 0.95) == 0.0


def test_the_p_value_agrees_with_the_interval() -> None:
    for seed in range(40):
        paired = paired_difference(*([made] for made in pair(200, (0.72, 0.64), seed)), "f1_macro")
        if abs(paired.p_value - 0.05) > 0.002:
            assert (paired.p_value < 0.05) == paired.difference.excludes_zero


def test_a_difference_of_the_detectable_size_is_found_in_four_of_five_test_sets() -> None:
    """Accuracies 0.75 and 0.75 - d on 400 texts, with d what the first test sets call detectable."""
    sizes = [
        paired_difference(*([m] for m in pair(400, (0.75, 0.66), seed)), "accuracy", FAST).minimum_detectable_difference
        for seed in range(20)
    ]
    d = float(np.mean(sizes))
    found = 0
    for seed in range(100, 400):
        paired = paired_difference(*([m] for m in pair(400, (0.75, 0.75 - d), seed)), "accuracy", FAST)
        found += paired.difference.low > 0
    assert 0.72 <= found / 300 <= 0.88


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (0.03, 0.09, 0.001, Verdict.BETTER),
        (-0.09, -0.03, 0.001, Verdict.WORSE),
        (0.03, 0.09, 0.2, Verdict.UNDECIDED),  # one of many, once their number is counted
        (-0.01, 0.015, 0.6, Verdict.EQUIVALENT),
        (0.004, 0.015, 0.001, Verdict.EQUIVALENT),  # there, but too small to matter
        (-0.01, 0.03, 0.3, Verdict.UNDECIDED),
        (0.01, 0.05, 0.01, Verdict.BETTER),
    ],
)
def test_verdicts(low: float, high: float, p: float, expected: Verdict) -> None:
    paired = Paired(Interval((low + high) / 2, low, high), p, p, 0.05)
    assert verdict(paired, p, 0.02, 0.95) is expected


@pytest.mark.parametrize("margin", [-0.1, 1.0, float("nan")])
def test_a_margin_out_of_range_is_refused(margin: float) -> None:
    with pytest.raises(SettingsError, match=r"`margin` is .*; expected a number from 0 to below 1"):
        ReportSettings(margin=margin)
