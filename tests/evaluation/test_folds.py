"""Intervals of out-of-fold predictions, simulated: they hold the score to be expected of the procedure."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np
import pytest

from featx.data import Split
from featx.data.folding import cut_folds
from featx.evaluation import Predictions, confusion_matrix, metric_interval, metrics_of_confusion, paired_difference
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
PAIRS = (("logreg", "centroid"), ("left", "right"))


def out_of_fold(world: World, seed: int) -> tuple[dict[str, Predictions], dict[str, np.ndarray]]:
    """Predictions of every text by each method, and what the models score on many new texts."""
    rng = np.random.default_rng(seed)
    x, y = world.draw(world.n_texts, rng)
    names = tuple(map(str, range(len(world.shares))))
    whole = Split([str(row) for row in range(len(y))], y, names)
    folds = cut_folds(whole, DataSettings(folds=world.n_folds, split_seed=seed), "simulated")
    new_x, new_y = world.draw(2_000, rng)
    made, truth = {}, {}
    for name, (fit, part, parts) in METHODS.items():
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


def covered(world: World, n_trials: int, spread: bool = True) -> dict[str, float]:
    """Share of trials whose interval holds what the procedure scores, of each method, pair and metric."""
    n_folds = world.n_folds if spread else None
    trials = [out_of_fold(world, seed) for seed in range(n_trials)]
    expected = {name: np.mean([truth[name] for _, truth in trials], axis=0) for name in METHODS}
    found: dict[str, list[bool]] = {}
    for made, _ in trials:
        for at, metric in enumerate(METRICS):
            for name in METHODS:
                interval = metric_interval([made[name]], metric, FAST, n_folds)
                found.setdefault(f"{name} {metric}", []).append(interval.low <= expected[name][at] <= interval.high)
            for a, b in PAIRS:
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
