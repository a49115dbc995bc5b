"""Tuning: every grid point of every candidate is fitted on train and scored on validation, or on folds of train.

Test is not known here. The best score wins; ties go to the more regularised grid point of the earlier candidate.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.baselines.candidates import Candidate, Inputs
from featx.baselines.grid_solvers import GridResult, walk
from featx.baselines.registry import GridSolver, Method
from featx.baselines.workers import Workers
from featx.errors import TrainingError
from featx.evaluation import Predictions, confusion_matrix, metrics_of_confusion
from featx.settings import SELECTION_METRIC

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class TuningTrial:
    """One grid point of one candidate, and its `SELECTION_METRIC`.

    Attributes
    ----------
    candidate : Candidate
    params : dict
        Under the names that the pipeline knows.
    score : float or None
        On validation, or the mean over folds; None when it could not be fitted.
    fit_seconds : float
    n_iter, max_iter : int or None
        Iterations of the optimiser and their limit; None for methods that do not iterate.
    error : str
        Why there is no score.
    """

    candidate: Candidate
    params: dict[str, Any]
    score: float | None
    fit_seconds: float
    n_iter: int | None = None
    max_iter: int | None = None
    error: str = ""

    @property
    def converged(self) -> bool:
        """Whether the optimiser ended by itself; True for methods that do not iterate."""
        return self.n_iter is None or self.max_iter is None or self.n_iter < self.max_iter


@dataclass(frozen=True)
class TuningData:
    """What tuning may see.

    Attributes
    ----------
    inputs : Inputs
    labels : dict of split name to ndarray of shape (n_texts,), int64
        Of train and validation.
    label_names : tuple of str
    cv : int or None
        Folds of train to choose on; None for validation.
    """

    inputs: Inputs
    labels: dict[str, Labels]
    label_names: tuple[str, ...]
    cv: int | None = None


@dataclass(frozen=True)
class _Unit:
    """A walk along the grid, or one point of it where a walk saves nothing, on one candidate and fold."""

    candidate: Candidate
    fold: int
    points: tuple[int, ...]


def tune(
    method: Method,
    candidates: Sequence[Candidate],
    material: TuningData,
    seed: int,
    workers: Workers | None = None,
    on_trials: Callable[[int, float | None], None] | None = None,
) -> tuple[TuningTrial, list[TuningTrial]]:
    """Return the best trial and all trials, candidate by candidate in grid order.

    Parameters
    ----------
    method : Method
    candidates : sequence of Candidate
    material : TuningData
    seed : int
        Of the classifier's own chance.
    workers : Workers, optional
    on_trials : callable, optional
        Called with fits done and the best score so far, after each walk.

    Raises
    ------
    TrainingError
        If no grid point can be fitted (the first reason is given), time runs out, or a fold lacks a class.
    """
    candidates = [replace(one, preparation=k) for one in candidates for k in range(len(method.preparations))]
    if len(candidates) * len(grid_points(method)) == 1:
        material = replace(material, cv=None)  # nothing to choose
    _check_folds(material)
    # All candidates side by side take longest: they go first, so that no process waits for them at the end.
    every = range(len(grid_points(method)))
    parts = [(k,) for k in every] if method.solver is GridSolver.EACH else [tuple(every)]
    folds = range(material.cv or 1)
    units = [_Unit(*facts) for facts in itertools.product(candidates, folds, parts)]
    units.sort(key=lambda unit: -len(unit.candidate.kinds))
    found: dict[_Unit, list[TuningTrial]] = {}
    best: float | None = None
    n_done = 0
    for unit, trials in (workers or Workers()).map(partial(_walked, method, material, seed), units):
        found[unit] = trials
        n_done += len(trials)
        scores = [trial.score for trial in trials if trial.score is not None]
        best = max([*scores, best] if best is not None else scores, default=None)
        if on_trials:
            on_trials(n_done, best)
    trials = []
    for candidate in candidates:
        by_fold = [[t for part in parts for t in found[_Unit(candidate, fold, part)]] for fold in folds]
        trials += _over_folds(by_fold)
    scored = [trial for trial in trials if trial.score is not None]
    if not scored:
        raise TrainingError(f"{method.name} cannot be fitted: {trials[0].error}")
    return max(scored, key=lambda trial: trial.score or 0.0), trials


def grid_points(method: Method) -> list[dict[str, Any]]:
    """Return every combination of the grid's values, one empty combination for a method without a grid."""
    return [dict(zip(method.grid, values, strict=True)) for values in itertools.product(*method.grid.values())]


def n_settings(method: Method) -> int:
    """Return how many settings are tried on each candidate: grid points times preparations."""
    return len(grid_points(method)) * len(method.preparations)


def _check_folds(material: TuningData) -> None:
    if material.cv is None:
        return
    counts = np.bincount(material.labels["train"], minlength=len(material.label_names))
    if counts.min() < material.cv:
        rare = material.label_names[int(counts.argmin())]
        raise TrainingError(
            f"class {rare!r} has {counts.min()} train texts, too few for {material.cv} folds; lower `cv`, or "
            "leave it out to choose on validation"
        )


def _walked(method: Method, material: TuningData, seed: int, unit: _Unit) -> list[TuningTrial]:
    train, y, held, y_held = _parts(material, unit)
    preparation = dict(method.preparations[unit.candidate.preparation])
    prefix = f"{method.make(seed).steps[-1][0]}__"
    every = grid_points(method)
    grid = [{name.removeprefix(prefix): value for name, value in every[k].items()} for k in unit.points]
    return [
        TuningTrial(
            unit.candidate,
            preparation | {prefix + name: value for name, value in point.params.items()},
            _score(point, y_held, material.label_names),
            point.seconds,
            point.n_iter,
            point.max_iter,
            point.error,
        )
        for point in walk(method, grid, seed, train, y, held, preparation)
    ]


def _parts(material: TuningData, unit: _Unit) -> tuple[Any, Labels, Any, Labels]:
    inputs, labels = material.inputs, material.labels
    train = inputs.of("train", unit.candidate)
    if material.cv is None:
        return train, labels["train"], inputs.of("validation", unit.candidate), labels["validation"]
    from sklearn.model_selection import StratifiedKFold

    y = labels["train"]
    folds = StratifiedKFold(material.cv, shuffle=True, random_state=0).split(np.zeros(len(y)), y)
    fitted, held = next(itertools.islice(folds, unit.fold, None))
    return _rows(train, fitted), y[fitted], _rows(train, held), y[held]


def _rows(inputs: Any, rows: NDArray[np.int64]) -> Any:
    return inputs[rows] if isinstance(inputs, np.ndarray) else [inputs[row] for row in rows.tolist()]


def _score(point: GridResult, y_true: Labels, label_names: tuple[str, ...]) -> float | None:
    if point.y_pred is None:
        return None
    predictions = Predictions(y_true, np.asarray(point.y_pred, np.int64), None, label_names)
    return float(metrics_of_confusion(confusion_matrix(predictions))[SELECTION_METRIC])


def _over_folds(folds: Sequence[Sequence[TuningTrial]]) -> list[TuningTrial]:
    """Trials with the mean score of their folds, the sum of their seconds and the most iterations."""
    if len(folds) == 1:
        return list(folds[0])
    return [
        TuningTrial(
            same[0].candidate,
            same[0].params,
            None if any(trial.score is None for trial in same) else float(np.mean([trial.score for trial in same])),
            sum(trial.fit_seconds for trial in same),
            max((trial.n_iter for trial in same if trial.n_iter is not None), default=None),
            same[0].max_iter,
            next((trial.error for trial in same if trial.error), ""),
        )
        for same in zip(*folds, strict=True)
    ]
