"""Looking several times: the level is spent, never more of it, and wrong verdicts stay rare over all looks."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featx.evaluation import Looks, Predictions, Verdict, paired_difference, verdict
from featx.settings import ReportSettings

SOAK = os.environ.get("FEATX_SOAK") == "1"
NAMES = ("no", "yes")


@given(st.integers(1, 12), st.floats(0.001, 0.2))
def test_all_looks_together_use_the_level_and_no_more(planned: int, level: float) -> None:
    looks = Looks(planned, (), level)
    while looks.left:
        looks = looks.next()
        assert looks.now > 0
        assert sum(looks.levels) <= level * (1 + 1e-12)
    assert sum(looks.levels) == pytest.approx(level)


def test_no_look_beyond_those_that_were_planned() -> None:
    with pytest.raises(ValueError, match="all 1 looks"):
        Looks(1).next().next()


def wrong_verdicts(gap: float, wrong: set[Verdict], n_trials: int, margin: float = 0.02, n: int = 400) -> float:
    """Share of comparisons with a wrong verdict at any of three looks, with 3, 5 and 7 seeds of one method."""
    settings = ReportSettings(n_resamples=999, metric="accuracy", margin=margin)
    found = 0
    for trial in range(n_trials):
        rng = np.random.default_rng([trial, n])
        y_true = rng.integers(0, 2, n)
        hard = rng.beta(4, 1, n)  # how probable a right answer is, by text
        other = Predictions(y_true, np.where(rng.random(n) < hard, y_true, 1 - y_true), None, NAMES)
        seeds = []
        for _ in range(7):
            chance = np.clip(hard + gap + rng.normal(0, 0.01), 0, 1)
            seeds.append(Predictions(y_true, np.where(rng.random(n) < chance, y_true, 1 - y_true), None, NAMES))
        looks = Looks(3)
        for n_seeds in (3, 5, 7):
            looks = looks.next()
            level = ReportSettings(n_resamples=999, metric="accuracy", margin=margin, confidence=1 - looks.now)
            paired = paired_difference(seeds[:n_seeds], [other], "accuracy", level)
            said = verdict(paired, paired.p_value, settings.margin, 1 - looks.now)
            if said is not Verdict.UNDECIDED:
                found += said in wrong
                break
    return found / n_trials


@pytest.mark.parametrize("n_trials", [1_000 if SOAK else 120])
def test_equal_methods_are_rarely_called_better_or_worse_at_any_look(n_trials: int) -> None:
    rate = wrong_verdicts(0.0, {Verdict.BETTER, Verdict.WORSE}, n_trials)
    print(f"better or worse though equal, three looks: {rate:.3f}")
    assert rate <= 0.05 + (0 if SOAK else 2 * np.sqrt(0.05 * 0.95 / n_trials))


@pytest.mark.parametrize("n_trials", [1_000 if SOAK else 60])
def test_methods_that_differ_by_the_margin_are_rarely_called_equivalent_at_any_look(n_trials: int) -> None:
    rate = wrong_verdicts(-0.05, {Verdict.EQUIVALENT}, n_trials, margin=0.05, n=800)
    print(f"equivalent though they differ by the margin, three looks: {rate:.3f}")
    assert rate <= 0.05 + (0 if SOAK else 2 * np.sqrt(0.05 * 0.95 / n_trials))


def test_looks_still_find_what_is_there() -> None:
    """Else the two rates above would be low because nothing is ever said."""
    assert wrong_verdicts(0.12, {Verdict.BETTER}, 10) >= 0.8
    assert wrong_verdicts(0.0, {Verdict.EQUIVALENT}, 10, margin=0.05, n=1_500) >= 0.6
