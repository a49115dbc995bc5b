"""The walk that a method's grid is taken along; falls back to fit after fit where a faster one does not apply."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from featx.baselines.grid_solvers import lda, linear_svm, neighbours, rbf_svm, ridge, warm_logreg
from featx.baselines.grid_solvers.result import GridResult, Labels, iterations, timed
from featx.baselines.registry import GridSolver, Method

#: Errors of scikit-learn that are about the data or the parameters, not about the program.
FIT_ERRORS = (ValueError, MemoryError, np.linalg.LinAlgError, FloatingPointError)

_WALKS = {
    GridSolver.WARM_LOGREG: warm_logreg.walk,
    GridSolver.LINEAR_SVM: linear_svm.walk,
    GridSolver.RIDGE: ridge.walk,
    GridSolver.LDA: lda.walk,
    GridSolver.NEIGHBOURS: neighbours.walk,
    GridSolver.RBF_SVM: rbf_svm.walk,
}


def walk(
    method: Method,
    grid: Sequence[dict[str, Any]],
    seed: int,
    train: Any,
    labels: Labels,
    held: Any,
    preparation: Mapping[str, Any] | None = None,
) -> Iterator[GridResult]:
    """Fit `method` at every point of `grid`, and predict for held-out inputs.

    Parameters
    ----------
    method : Method
    grid : sequence of dict
        Parameters of the pipeline's last step, without its name.
    seed : int
    train, held : ndarray of shape (n, n_features) or sequence of str
    labels : ndarray of shape (n_train,), int64
    preparation : mapping, optional
        Parameters of the steps before the last, one of `Method.preparations`.

    Yields
    ------
    GridResult
        For each grid point, in order. Where a fit fails, the point says so and the walk goes on.
    """
    pipeline = method.make(seed).set_params(**(preparation or {}))
    classifier = pipeline[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence is part of the point; others stand in the final fit
        try:
            prepared = _prepared(pipeline[:-1], train, labels, held)
        except FIT_ERRORS as e:
            yield from (GridResult(params, None, error=first_line(e)) for params in grid)
            return
        yield from timed(_walked(method, classifier, grid, labels, *prepared))


def _walked(
    method: Method, classifier: Any, grid: Sequence[dict[str, Any]], labels: Labels, X: Any, held: Any
) -> Iterator[GridResult]:
    """Yield the results of the method's own walk; from where it fails on, one fit after the other says why."""
    done = 0
    try:
        if method.solver in _WALKS:
            for point in _WALKS[method.solver](classifier, grid, X, labels, held):
                yield point
                done += 1
    except FIT_ERRORS:
        pass
    yield from _each(classifier, grid[done:], X, labels, held)


def _prepared(steps: Any, train: Any, labels: Labels, held: Any) -> tuple[Any, Any]:
    if isinstance(train, np.ndarray) and not (np.isfinite(train).all() and np.isfinite(held).all()):
        raise ValueError("features hold NaN or infinite values")
    if not len(steps):
        return train, held
    return steps.fit_transform(train, labels), steps.transform(held)


def _each(classifier: Any, grid: Sequence[dict[str, Any]], X: Any, labels: Labels, held: Any) -> Iterator[GridResult]:
    """Yield the result of one fit after the other."""
    from sklearn.base import clone

    for params in grid:
        try:
            fitted = clone(classifier).set_params(**params).fit(X, labels)
            yield GridResult(params, predicted(fitted, held), *iterations(fitted))
        except FIT_ERRORS as e:
            yield GridResult(params, None, error=first_line(e))


def predicted(classifier: Any, inputs: Any) -> Labels:
    """Return labels by the highest probability where there are any, so that label and scores always agree."""
    if hasattr(classifier, "predict_proba"):
        return np.asarray(classifier.classes_[classifier.predict_proba(inputs).argmax(axis=1)], np.int64)
    return np.asarray(classifier.predict(inputs), np.int64)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its name."""
    return (str(error).splitlines() or [""])[0] or type(error).__name__
