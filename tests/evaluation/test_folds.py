"""Intervals of out-of-fold predictions, simulated: they hold the score to be expected of the procedure."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from featx.data import Split
from featx.data.folding import cut_folds
from featx.evaluation import (
    Predictions,
    Resampler,
    confusion_matrix,
    metric_interval,
    metrics_of_confusion,
    paired_difference,
    resampled_scores,
)
from featx.evaluation.folds import spread_over_folds
from featx.settings import DataSettings, ReportSettings

FAST = ReportSettings(n_resamples=999)
METRICS = ("accuracy", "f1_macro")
SOAK = bool(os.environ.get("FEATX_SOAK"))


@dataclass(frozen=True)
class World:
    """Texts as Gaussian features of which each class has a mean; both halves of the features say the same."""

    n_texts: int
    n_folds: int
    shares: tuple[float, ...]
    n_dimensions: int
    apart: float

    @property
    def means(self) -> np.ndarray:
        half = np.random.default_rng(5).normal(size=(len(self.shares), self.n_dimensions // 2))
        return np.tile(half, 2) * self.apart / np.sqrt(self.n_dimensions)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        y = rng.choice(len(self.shares), n, p=np.array(self.shares) / sum(self.shares))
        return rng.normal(size=(n, self.n_dimensions)) + self.means[y], y


def centroid(x: np.ndarray, y: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    means = np.stack([x[y == label].mean(axis=0) for label in range(n_classes)])
    return means.T, -(means**2).sum(axis=1) / 2


def logreg(x: np.ndarray, y: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=0.1, tol=1e-2).fit(x, y)
    coef, intercept = fitted.coef_.T, fitted.intercept_
    return (coef, intercept) if n_classes > 2 else (np.hstack([-coef, coef]), np.hstack([-intercept, intercept]))


#: Name to how a classifier is fitted and on which part of the features; left and right are equally good.
METHODS = {"centroid": (centroid, 0, 1), "logreg": (logreg, 0, 1), "left": (logreg, 0, 2), "right": (logreg, 1, 2)}
QUICK = {"left": (centroid, 0, 2), "right": (centroid, 1, 2)}
PAIRS = (("logreg", "centroid"), ("left", "right"))
Methods = Mapping[str, tuple[Callable[..., tuple[np.ndarray, np.ndarray]], int, int]]


def out_of_fold(
    world: World, seed: int, methods: Methods = METHODS
) -> tuple[dict[str, Predictions], dict[str, np.ndarray]]:
    """Predictions of every text by each method, and what the models score on many new texts."""
    rng = np.random.default_rng(seed)
    x, y = world.draw(world.n_texts, rng)
    names = tuple(map(str, range(len(world.shares))))
    whole = Split([str(row) for row in range(len(y))], y, names)
    folds = cut_folds(whole, DataSettings(folds=world.n_folds, split_seed=seed), "simulated")
    new_x, new_y = world.draw(2_000, rng)
    made, truth = {}, {}
    for name, (fit, part, parts) in methods.items():
        width = world.n_dimensions // parts
        columns = slice(part * width, (part + 1) * width)
        y_pred, scores = np.empty_like(y), []
        for rows in folds.rows:
            seen = np.concatenate([rows["train"], rows["validation"]])  # nothing is chosen, so all is trained on
            coef, intercept = fit(x[seen, columns], y[seen], len(names))
            y_pred[rows["test"]] = (x[rows["test"], columns] @ coef + intercept).argmax(axis=1)
            new = Predictions(new_y, (new_x[:, columns] @ coef + intercept).argmax(axis=1), None, names)
            scores.append([float(metrics_of_confusion(confusion_matrix(new))[metric]) for metric in METRICS])
        made[name], truth[name] = Predictions(y, y_pred, None, names), np.mean(scores, axis=0)
    return made, truth


def covered(world: World, n_trials: int, methods: Methods = METHODS) -> dict[str, float]:
    """Share of trials whose interval holds what the procedure scores, of each method, pair and metric."""
    n_folds = world.n_folds
    trials = [out_of_fold(world, seed, methods) for seed in range(n_trials)]
    expected = {name: np.mean([truth[name] for _, truth in trials], axis=0) for name in methods}
    found: dict[str, list[bool]] = {}
    for made, _ in trials:
        for at, metric in enumerate(METRICS):
            for name in methods:
                interval = metric_interval([made[name]], metric, FAST, n_folds)
                found.setdefault(f"{name} {metric}", []).append(interval.low <= expected[name][at] <= interval.high)
            for a, b in (pair for pair in PAIRS if methods.keys() >= set(pair)):
                d = paired_difference([made[a]], [made[b]], metric, FAST, n_folds).difference
                apart = 0.0 if b == "right" else expected[a][at] - expected[b][at]
                found.setdefault(f"{a} - {b} {metric}", []).append(d.low <= apart <= d.high)
    return {name: float(np.mean(held)) for name, held in found.items()}


LONG = [
    World(200, 10, (1, 1), 20, 2.0),
    World(200, 5, (5, 3, 2), 50, 3.0),
    World(500, 10, (4, 3, 2, 1), 50, 3.0),
    World(1_500, 10, (5, 4, 1), 50, 2.5),
    World(200, 10, (1, 1), 200, 2.5),
]


@pytest.mark.skipif(not SOAK, reason="takes minutes; set FEATX_SOAK")
@pytest.mark.parametrize("world", LONG, ids=str)
def test_intervals_over_folds_hold_the_score_of_the_procedure(world: World) -> None:
    n_trials = int(os.environ.get("FEATX_SOAK_TRIALS", "1000"))
    shares = covered(world, n_trials)
    print(world, n_trials, shares)
    error = 2 * math.sqrt(0.95 * 0.05 / n_trials)
    assert all(0.92 - error <= share <= 0.98 + error for share in shares.values()), shares
    equal = [share for name, share in shares.items() if name.startswith("left - right")]
    assert min(equal) >= 0.95 - error


def test_a_small_simulation_holds_the_score_of_the_procedure() -> None:
    shares = covered(World(200, 5, (2, 1), 40, 2.0), 60, QUICK)
    assert min(shares.values()) >= 0.88, shares  # at 95 % fewer than 53 of 60 come once in 300 times


def test_intervals_are_as_much_wider_as_is_said() -> None:
    made, _ = out_of_fold(World(300, 10, (2, 1), 20, 1.5), 0, QUICK)
    a, b = [made["left"]], [made["right"]]
    for metric in METRICS:
        for split, folds in (
            (metric_interval(a, metric, FAST), metric_interval(a, metric, FAST, 10)),
            (paired_difference(a, b, metric, FAST).difference, paired_difference(a, b, metric, FAST, 10).difference),
        ):
            assert folds.value == split.value
            ratio = (folds.high - folds.low) / (split.high - split.low)
            assert 1.1 < ratio <= math.sqrt(1 + 10 / 27) + 1e-9  # less where the least length counts
    assert paired_difference(a, b, "accuracy", FAST, 10).p_value >= paired_difference(a, b, "accuracy", FAST).p_value


def test_the_fewer_folds_the_wider() -> None:
    spreads = [spread_over_folds(k) for k in (None, 1_000, 10, 5, 2)]
    assert spreads == sorted(spreads)
    assert spreads[0] == 1.0


def test_scores_and_classes_are_spread_too() -> None:
    rng = np.random.default_rng(3)
    y_true = np.arange(200) % 2
    y_score = rng.dirichlet((1, 1), 200)
    one = [Predictions(y_true, y_score.argmax(axis=1), y_score, ("no", "yes"))]
    plain, folds = resampled_scores(one, 999), resampled_scores(one, 999, n_folds=5)
    for name, drawn in plain.drawn.items():
        assert np.allclose(folds.drawn[name].std(axis=0), spread_over_folds(5) * drawn.std(axis=0))
        assert np.allclose(folds.drawn[name].mean(axis=0), drawn.mean(axis=0))
    of_classes = [Resampler(one, 999, n_folds=k).resamples([0]).of_classes()[1]["f1"] for k in (None, 5)]
    assert np.allclose(of_classes[1].std(axis=0), spread_over_folds(5) * of_classes[0].std(axis=0))
