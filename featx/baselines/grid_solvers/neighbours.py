"""k nearest neighbours for every k and both weightings from one search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.baselines.grid_solvers.result import GridResult, Labels

#: Distances that differ by no more than rounding: angles are differences of numbers near 1, in float32.
_RELATIVE, _ABSOLUTE = 1e-5, 1e-6


def walk(classifier: Any, grid: Sequence[dict[str, Any]], X: Any, labels: Labels, held: Any) -> Iterator[GridResult]:
    """Votes among the first k of the nearest, found once for the largest k that the texts suffice for.

    Where the k-th and the next are equally far, which of them counts is scikit-learn's own choice for that k: these
    rows are asked of it.
    """
    from sklearn.base import clone
    from sklearn.neighbors import NearestNeighbors

    possible = [params["n_neighbors"] for params in grid if params["n_neighbors"] <= len(X)]
    classes, position = np.unique(labels, return_inverse=True)
    if possible:
        n_neighbors = min(max(possible) + 1, len(X))
        search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute", metric=classifier.metric).fit(X)
        distances, rows = search.kneighbors(held)
    for params in grid:
        k = params["n_neighbors"]
        if k > len(X):
            yield GridResult(params, None, error=f"{k} neighbours of {len(X)} texts")
            continue
        weights = _weights(distances[:, :k], params["weights"])
        votes = np.stack([(weights * (position[rows[:, :k]] == c)).sum(axis=1) for c in range(len(classes))], axis=1)
        y_pred = classes[votes.argmax(axis=1)]
        tied = np.zeros(len(held), bool)
        if k < len(X):
            tied = np.isclose(distances[:, k - 1], distances[:, k], _RELATIVE, _ABSOLUTE)
        if tied.any():
            y_pred[tied] = clone(classifier).set_params(**params).fit(X, labels).predict(held[tied])
        yield GridResult(params, y_pred)


def _weights(distances: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Return weights of 1, or the inverse of the distance; where some are at distance zero, these alone."""
    if kind == "uniform":
        return np.ones_like(distances)
    same = distances == 0
    with np.errstate(divide="ignore"):
        inverse = 1 / distances
    return np.where(same.any(axis=1, keepdims=True), same.astype(np.float64), inverse)
