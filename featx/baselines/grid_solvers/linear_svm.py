"""The linear SVM with squared hinge along C, by Newton's method in the primal, each C from the one before.

O. Chapelle, Training a Support Vector Machine in the Primal, Neural Computation 19 (2007), sec. 4. With the texts
inside the margin fixed the loss is quadratic, so a step solves a linear system; a few steps find the texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.baselines.grid_solvers.result import GridResult, Labels
from featx.baselines.grid_solvers.rotation import rotated

#: Newton steps for one class and one C; a dozen is usual.
_MOST_STEPS = 100
#: Norm of the gradient, relative to that at zero, at which a fit has converged.
_TOLERANCE = 1e-6
_MOST_HALVINGS = 30

Floats = NDArray[np.float64]


def walk(classifier: Any, grid: Sequence[dict[str, Any]], X: Any, labels: Labels, held: Any) -> Iterator[GridResult]:
    """Yield the results of one against the rest, with the intercept penalised, as `sklearn.svm.LinearSVC` does."""
    X, held = rotated(X, held)
    X, held = _with_ones(X), _with_ones(held)
    classes = np.unique(labels)
    # Two classes are told apart by one boundary.
    targets = [np.where(labels == c, 1.0, -1.0) for c in (classes if len(classes) > 2 else classes[1:])]
    weights = [np.zeros(X.shape[1]) for _ in targets]
    for params in grid:
        steps = 0
        for k, y in enumerate(targets):
            weights[k], taken = _fitted(X, y, params["C"], weights[k])
            steps = max(steps, taken)
        decision = held @ np.stack(weights, axis=1)
        best = decision.argmax(axis=1) if len(classes) > 2 else (decision[:, 0] > 0).astype(np.int64)
        yield GridResult(params, classes[best], steps, _MOST_STEPS)


def _with_ones(X: Any) -> Floats:
    return np.column_stack([np.asarray(X, np.float64), np.ones(len(X))])


def _fitted(X: Floats, y: Floats, C: float, w: Floats) -> tuple[Floats, int]:
    """Weights that minimise |w|^2 / 2 + C sum max(0, 1 - y Xw)^2, and the steps taken from `w`."""
    scores = X @ w
    target = _TOLERANCE * np.linalg.norm(2 * C * (X.T @ y))
    for step in range(_MOST_STEPS):
        inside = y * scores < 1
        gradient = w + 2 * C * (X[inside].T @ (scores[inside] - y[inside]))
        if np.linalg.norm(gradient) <= target:
            return w, step
        direction = _solution(X[inside], y[inside], C) - w
        ahead = X @ direction
        length = _step_length(w, direction, scores, ahead, y, C, float(gradient @ direction))
        w, scores = w + length * direction, scores + length * ahead
    return w, _MOST_STEPS


def _solution(X: Floats, y: Floats, C: float) -> Floats:
    """Minimum of the quadratic over these texts, in whichever space is smaller."""
    from scipy.linalg import solve

    n, d = X.shape
    if d <= n:
        return np.asarray(solve(X.T @ X + np.eye(d) / (2 * C), X.T @ y, assume_a="pos"))
    return np.asarray(X.T @ solve(X @ X.T + np.eye(n) / (2 * C), y, assume_a="pos"))


def _step_length(
    w: Floats, direction: Floats, scores: Floats, ahead: Floats, y: Floats, C: float, slope: float
) -> float:
    """Longest of 1, 1/2, 1/4, … that lowers the loss enough (Armijo); each costs one pass over the texts."""

    def loss(length: float) -> float:
        hinge = np.maximum(0, 1 - y * (scores + length * ahead))
        moved = w + length * direction
        return float(moved @ moved / 2 + C * (hinge @ hinge))

    here, length = loss(0.0), 1.0
    for _ in range(_MOST_HALVINGS):
        if loss(length) <= here + 1e-4 * length * slope:
            break
        length /= 2
    return length
