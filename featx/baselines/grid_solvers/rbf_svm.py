"""The SVM with a Gaussian kernel: the kernel is computed once for every C, by matrix products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from featx.baselines.grid_solvers.result import GridResult, Labels

#: Texts for which the whole kernel is held in memory (8 bytes a pair); beyond, libsvm computes what it needs.
_MOST_TEXTS = 6_000


def walk(classifier: Any, grid: Sequence[dict[str, Any]], X: Any, labels: Labels, held: Any) -> Iterator[GridResult]:
    """As `sklearn.svm.SVC` with ``gamma="scale"``."""
    from sklearn.base import clone
    from sklearn.metrics.pairwise import rbf_kernel

    train, other, kernel = X, held, {}
    if len(X) <= _MOST_TEXTS:
        X, held = np.asarray(X, np.float64), np.asarray(held, np.float64)
        variance = X.var()
        gamma = 1 / (X.shape[1] * variance) if variance else 1.0
        train, other, kernel = rbf_kernel(X, gamma=gamma), rbf_kernel(held, X, gamma=gamma), {"kernel": "precomputed"}
    for params in grid:
        fitted = clone(classifier).set_params(**params, **kernel).fit(train, labels)
        yield GridResult(params, np.asarray(fitted.predict(other)))
