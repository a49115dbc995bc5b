"""Ridge classification for every alpha from one eigendecomposition (Hastie et al., ESL, 2009, sec. 18.3.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from featx.baselines.grid_solvers.result import GridResult, Labels


def walk(classifier: Any, grid: Sequence[dict[str, Any]], X: Any, labels: Labels, held: Any) -> Iterator[GridResult]:
    """Regression on -1 and 1 for each class, as `sklearn.linear_model.RidgeClassifier` does."""
    from scipy.linalg import eigh

    classes, position = np.unique(labels, return_inverse=True)
    targets = 2.0 * np.eye(len(classes))[position] - 1
    offset, intercept = X.mean(axis=0, dtype=np.float64), targets.mean(axis=0)
    X, held, targets = X - offset, held - offset, targets - intercept
    if X.shape[0] < X.shape[1]:
        values, vectors = eigh(X @ X.T)
        toward, towards_held = vectors.T @ targets, held @ (X.T @ vectors)
    else:
        values, vectors = eigh(X.T @ X)
        toward, towards_held = vectors.T @ (X.T @ targets), held @ vectors
    for params in grid:
        decision = towards_held @ (toward / (np.maximum(values, 0)[:, None] + params["alpha"])) + intercept
        yield GridResult(params, classes[decision.argmax(axis=1)])
