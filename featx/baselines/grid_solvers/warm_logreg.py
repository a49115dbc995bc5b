"""Logistic regression along C: each fit starts from the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from featx.baselines.grid_solvers.result import GridResult, Labels, iterations
from featx.baselines.grid_solvers.rotation import rotated


def walk(classifier: Any, grid: Sequence[dict[str, Any]], X: Any, labels: Labels, held: Any) -> Iterator[GridResult]:
    """Yield results from the strongest regularisation on; with few texts, in the space that these span.

    An L2-penalised optimum lies in that space, and its penalty does not change with a rotation.
    """
    from sklearn.base import clone

    X, held = rotated(X, held)
    fitted = clone(classifier).set_params(warm_start=True)
    for params in grid:
        fitted.set_params(**params).fit(X, labels)
        y_pred = fitted.classes_[fitted.predict_proba(held).argmax(axis=1)]
        yield GridResult(params, y_pred, *iterations(fitted))
