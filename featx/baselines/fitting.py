"""Tuning on validation, then prediction: every grid point is fitted on train and scored on validation.

The choice is frozen before test is touched; the chosen classifier is the one fitted on train.
"""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.baselines.registry import Method
from featx.config import SELECTION_METRIC
from featx.errors import TrainingError
from featx.evaluation import Predictions, confusion_matrix, metrics_of_confusion

#: Feature matrix (n_texts, hidden_size) or texts.
Inputs = NDArray[np.float32] | Sequence[str]


@dataclass(frozen=True)
class Trial:
    """One grid point: its parameters, its `SELECTION_METRIC` on validation, and how the optimiser ended.

    `n_iter` is None for methods that do not iterate; `converged` is then True.
    """

    params: dict[str, Any]
    score: float
    fit_seconds: float
    n_iter: int | None
    converged: bool


@dataclass(frozen=True)
class Fitted:
    """A tuned classifier.

    Attributes
    ----------
    classifier : scikit-learn estimator
        Fitted on train with the chosen parameters.
    chosen : Trial
    trials : tuple of Trial
        Every grid point, in grid order.
    fit_seconds : float
        All of the tuning together.
    """

    classifier: Any
    chosen: Trial
    trials: tuple[Trial, ...]
    fit_seconds: float


def fit(
    method: Method,
    train: tuple[Inputs, NDArray[np.int64]],
    validation: tuple[Inputs, NDArray[np.int64]],
    label_names: tuple[str, ...],
    seed: int,
    on_trial: Callable[[Trial], None] | None = None,
) -> Fitted:
    """Tune `method` over its grid.

    Parameters
    ----------
    method : Method
    train, validation : (inputs, labels)
        What the method reads, and labels of shape (n_texts,), int64.
    label_names : tuple of str
    seed : int
        Of the classifier's own chance.
    on_trial : callable, optional
        Called after each grid point.

    Raises
    ------
    TrainingError
        If a classifier cannot be fitted; says with which parameters.
    """
    best: tuple[float, Any, Trial] | None = None
    trials = []
    for params in grid_points(method):
        classifier, seconds = _fitted(method, params, train, seed)
        predictions, _ = predict(classifier, *validation, label_names)
        score = float(metrics_of_confusion(confusion_matrix(predictions))[SELECTION_METRIC])
        trial = Trial(params, score, seconds, *_iterations(classifier))
        trials.append(trial)
        if best is None or score > best[0]:
            best = (score, classifier, trial)
        if on_trial:
            on_trial(trial)
    assert best is not None
    return Fitted(best[1], best[2], tuple(trials), sum(trial.fit_seconds for trial in trials))


def grid_points(method: Method) -> list[dict[str, Any]]:
    """Every combination of the grid's values, one empty combination for a method without a grid."""
    return [dict(zip(method.grid, values, strict=True)) for values in itertools.product(*method.grid.values())]


def predict(
    classifier: Any, inputs: Inputs, y_true: NDArray[np.int64], label_names: tuple[str, ...]
) -> tuple[Predictions, float]:
    """Predictions of a fitted classifier, and the seconds they took."""
    started = time.perf_counter()
    if hasattr(classifier, "predict_proba"):
        y_score = np.asarray(classifier.predict_proba(inputs), np.float64)
        y_pred = np.asarray(classifier.classes_[y_score.argmax(axis=1)], np.int64)
    else:
        y_score, y_pred = None, np.asarray(classifier.predict(inputs), np.int64)
    seconds = time.perf_counter() - started
    return Predictions(y_true, y_pred, y_score, label_names), seconds


def _fitted(
    method: Method, params: dict[str, Any], train: tuple[Inputs, NDArray[np.int64]], seed: int
) -> tuple[Any, float]:
    from sklearn.exceptions import ConvergenceWarning

    classifier = method.make(seed).set_params(**params)
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # recorded in the trial instead
        try:
            classifier.fit(*train)
        except (ValueError, MemoryError, np.linalg.LinAlgError) as e:
            raise TrainingError(f"{method.name} with {params} cannot be fitted: {e}") from e
    return classifier, time.perf_counter() - started


def _iterations(classifier: Any) -> tuple[int | None, bool]:
    last = classifier.steps[-1][1] if hasattr(classifier, "steps") else classifier
    if not hasattr(last, "n_iter_") or not hasattr(last, "max_iter"):
        return None, True
    n_iter = int(np.max(last.n_iter_))
    return n_iter, n_iter < last.max_iter
