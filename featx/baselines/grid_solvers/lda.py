"""Linear discriminant analysis for every shrinkage from one eigendecomposition.

Shrinking towards a multiple of the identity leaves the eigenvectors of the covariance as they are (Friedman,
Regularized Discriminant Analysis, JASA 84, 1989).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from featx.baselines.grid_solvers.result import GridResult, Labels


def walk(classifier: Any, grid: Sequence[dict[str, Any]], X: Any, labels: Labels, held: Any) -> Iterator[GridResult]:
    """As `sklearn.discriminant_analysis.LinearDiscriminantAnalysis` with ``solver="lsqr"``.

    ``"auto"`` (Ledoit and Wolf, with each class scaled) has other eigenvectors and is fitted on its own.
    """
    from scipy.linalg import eigh
    from sklearn.base import clone

    classes, position, counts = np.unique(labels, return_inverse=True, return_counts=True)
    priors = counts / len(labels)
    X, held = np.asarray(X, np.float64), np.asarray(held, np.float64)
    means = np.stack([X[position == k].mean(axis=0) for k in range(len(classes))])
    centred = X - means[position]
    covariance = (centred.T @ centred) / len(X)
    spread = np.trace(covariance) / len(covariance)
    values, vectors = eigh(covariance)
    means_there, held_there = means @ vectors, held @ vectors
    for params in grid:
        shrinkage = params["shrinkage"]
        if shrinkage == "auto":
            fitted = clone(classifier).set_params(**params).fit(X, labels)
            yield GridResult(params, np.asarray(fitted.predict(held)))
            continue
        shrunk = (1 - shrinkage) * np.maximum(values, 0) + shrinkage * spread
        weights = means_there / shrunk
        decision = held_there @ weights.T - 0.5 * (means_there * weights).sum(axis=1) + np.log(priors)
        yield GridResult(params, classes[decision.argmax(axis=1)])
