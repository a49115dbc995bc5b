"""From a method to a classifier: tuned, fitted with what was chosen, and given probabilities where asked for."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.baselines.candidates import TEXTS, Candidate, Inputs
from featx.baselines.grid_solvers.result import iterations
from featx.baselines.grid_solvers.walking import FIT_ERRORS, first_line
from featx.baselines.registry import Method, Reads
from featx.baselines.tuning import TuningData, TuningTrial, tune
from featx.baselines.workers import Workers
from featx.errors import TrainingError
from featx.evaluation import Predictions
from featx.settings import Calibration, Refit

#: Folds of the cross-validation that calibrates; fewer where a class has fewer texts.
_CALIBRATION_FOLDS = 5

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """A tuned classifier.

    Attributes
    ----------
    classifier : scikit-learn estimator
        Fitted with the chosen parameters, on what `Refit` says.
    for_validation : scikit-learn estimator
        The same, but never fitted on validation.
    chosen : TuningTrial
    trials : tuple of TuningTrial
        Every grid point of every candidate.
    n_iter, max_iter : int or None
        Of the optimiser, the larger where two were fitted; None for methods that do not iterate.
    fit_seconds : float
        Tuning, summed over processes, and the fit of the classifier.
    """

    classifier: Any
    for_validation: Any
    chosen: TuningTrial
    trials: tuple[TuningTrial, ...]
    n_iter: int | None
    max_iter: int | None
    fit_seconds: float

    @property
    def converged(self) -> bool | None:
        """Whether the optimiser ended by itself; None for methods that do not iterate."""
        return None if self.n_iter is None or self.max_iter is None else self.n_iter < self.max_iter


@dataclass(frozen=True)
class Choices:
    """How the chosen classifier is fitted."""

    refit: Refit = Refit.TRAIN
    calibrate: Calibration = Calibration.NONE


def fit(
    method: Method,
    train: tuple[Any, Labels],
    validation: tuple[Any, Labels],
    label_names: tuple[str, ...],
    seed: int,
) -> Fitted:
    """Tune `method` on one kind of inputs.

    Parameters
    ----------
    method : Method
    train, validation : (inputs, labels)
        A feature matrix (n_texts, n_features) or texts, and labels of shape (n_texts,), int64.
    label_names : tuple of str
    seed : int
        Of the classifier's own chance.

    Raises
    ------
    TrainingError
        If no grid point can be fitted.
    """
    parts = {"train": train[0], "validation": validation[0]}
    on_texts = method.reads is Reads.TEXTS
    inputs = Inputs(parts, {}) if on_texts else Inputs({}, {name: [array] for name, array in parts.items()})
    material = TuningData(inputs, {"train": train[1], "validation": validation[1]}, label_names)
    return fit_best(method, [TEXTS if on_texts else Candidate("", "", (0,))], material, seed)


def fit_best(
    method: Method,
    candidates: Sequence[Candidate],
    material: TuningData,
    seed: int,
    choices: Choices | None = None,
    workers: Workers | None = None,
    on_trials: Callable[[int, float | None], None] | None = None,
) -> Fitted:
    """Tune `method` over its grid and `candidates`, then fit what was chosen.

    Raises
    ------
    TrainingError
        If no grid point can be fitted, or time runs out.
    """
    choices, workers = choices or Choices(), workers or Workers()
    workers.restart_clock()
    chosen, trials = tune(method, candidates, material, seed, workers, on_trials)
    splits: list[tuple[str, ...]] = [("train",)]
    if choices.refit is Refit.TRAIN_AND_VALIDATION:
        splits.append(("train", "validation"))
    make = partial(_fitted, method, chosen, material, seed, choices.calibrate)
    made = dict(workers.map(make, splits))
    first, last = made[splits[0]], made[splits[-1]]
    return Fitted(
        classifier=last.classifier,
        for_validation=first.classifier,
        chosen=chosen,
        trials=tuple(trials),
        n_iter=max((one.n_iter for one in made.values() if one.n_iter is not None), default=None),
        max_iter=first.max_iter,
        fit_seconds=sum(trial.fit_seconds for trial in trials) + sum(one.seconds for one in made.values()),
    )


def predict(classifier: Any, inputs: Any, y_true: Labels, label_names: tuple[str, ...]) -> tuple[Predictions, float]:
    """Return predictions of a fitted classifier, and the seconds they took.

    Raises
    ------
    TrainingError
        If its probabilities are not finite.
    """
    started = time.perf_counter()
    y_score = probabilities(classifier, inputs)
    y_pred = classifier.predict(inputs) if y_score is None else classifier.classes_[y_score.argmax(axis=1)]
    seconds = time.perf_counter() - started
    return Predictions(y_true, np.asarray(y_pred, np.int64), y_score, label_names), seconds


def probabilities(classifier: Any, inputs: Any) -> NDArray[np.float64] | None:
    """Return probabilities of a fitted classifier, shape (n_texts, n_classes), float64; None where it has none.

    Rows are brought to a sum of 1: over thousands of float32 features, naive Bayes misses it by a few per mille.
    """
    if not hasattr(classifier, "predict_proba"):
        return None
    y_score = np.asarray(classifier.predict_proba(inputs), np.float64)
    with np.errstate(all="ignore"):
        y_score = y_score / y_score.sum(axis=1, keepdims=True)
    n_wrong = int((~np.isfinite(y_score).all(axis=1)).sum())
    if n_wrong:
        raise TrainingError(
            f"the probabilities of {n_wrong} of {len(y_score)} texts are NaN: its arithmetic overflowed on these "
            "features; use another method, layer or pooling"
        )
    return y_score  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _One:
    """A classifier fitted once."""

    classifier: Any
    n_iter: int | None
    max_iter: int | None
    seconds: float


def _fitted(
    method: Method,
    chosen: TuningTrial,
    material: TuningData,
    seed: int,
    calibrate: Calibration,
    splits: tuple[str, ...],
) -> _One:
    parts = [material.inputs.of(split, chosen.candidate) for split in splits]
    labels = np.concatenate([material.labels[split] for split in splits])
    inputs = _joined(parts)
    classifier = method.make(seed).set_params(**chosen.params)
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence is recorded; the rest is about speed or coming versions
        try:
            classifier.fit(inputs, labels)
            ended = iterations(classifier[-1])
            if calibrate is not Calibration.NONE and not method.probabilities:
                classifier = _calibrated(classifier, calibrate, inputs, labels)
        except FIT_ERRORS as e:
            raise TrainingError(f"{method.name} with {chosen.params} cannot be fitted: {first_line(e)}") from e
    return _One(classifier, *ended, time.perf_counter() - started)


def _joined(parts: Sequence[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else [text for part in parts for text in part]


def _calibrated(classifier: Any, kind: Calibration, inputs: Any, labels: Labels) -> Any:
    """Return one classifier on all inputs, calibrated on the scores that cross-validation gives them."""
    from sklearn.base import clone
    from sklearn.calibration import CalibratedClassifierCV

    folds = int(min(_CALIBRATION_FOLDS, np.bincount(labels).min()))
    if folds < 2:
        raise ValueError("a class has one text, too few to calibrate on; leave out `calibrate`, or add texts")
    calibrated = CalibratedClassifierCV(clone(classifier), method=kind.value, cv=folds, ensemble=False)
    return calibrated.fit(inputs, labels)
