"""Tuning of a fine-tuning on validation: learning rate, epochs, and warm-up on demand; with Optuna.

The first trial is what the user gave, so that a search is never behind it on validation. The next ones are spread over
the space (a Latin hypercube; McKay, Beckman and Conover 1979), since few draws by chance leave parts of it empty; those
after them are led by what came out (TPE). A trial that is below the median of those before it at the same share of
their training, half or more, is pruned: at the same epoch a long trial's learning rate is still high where a short
one's has come to nothing, so that equal epochs would speak against long ones. Every trial is kept in the record.
May import ``errors`` and ``config``.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from featx.config import SELECTION_METRIC, FinetuneMethod, FinetuneSettings
from featx.errors import DivergedError, TrainingError
from featx.finetune.processes import is_first, wait_for_all
from featx.finetune.training import Finetuned, Hooks

#: Learning rates that are tried, on a logarithmic scale; adapters want higher ones.
LEARNING_RATES = {FinetuneMethod.FULL: (1e-5, 3e-4), FinetuneMethod.LP: (1e-5, 3e-4), FinetuneMethod.LORA: (1e-4, 3e-3)}
#: Passes over train that are tried.
EPOCHS = (2, 3, 4, 5)
#: Shares of warm-up that are tried with `search_warmup`.
WARMUPS = (0.0, 0.06, 0.1)
#: Trials that are spread over the space, the first one included, before the sampler looks at what came out.
_SPREAD_TRIALS = 8
#: Trials before any is pruned.
_UNPRUNED_TRIALS = 4
#: Parts of a training at whose ends trials are compared (2, 3, 4 and 5 epochs all end with one of them), and how many
#: must be over before a trial is pruned.
_PARTS, _UNPRUNED_PARTS = 60, 30
_TRIALS = "trials.json"


@dataclass(frozen=True)
class Trial:
    """One setting that was tried.

    Attributes
    ----------
    params : dict
        What the search chose.
    score : float or None
        Best `SELECTION_METRIC` on validation; for a pruned trial that of the epochs it had, None for a failed one.
    state : str
        ``complete``, ``pruned`` or ``failed``.
    scores : list of float
        By epoch.
    fit_seconds : float
    reason : str or None
        Why it failed.
    """

    params: dict[str, Any]
    score: float | None
    state: str
    scores: list[float]
    fit_seconds: float
    reason: str | None = None


@dataclass(frozen=True)
class Searched:
    """The best trial's classifier, its settings, and all trials."""

    best: Finetuned
    settings: FinetuneSettings
    trials: tuple[Trial, ...]

    @property
    def fit_seconds(self) -> float:
        """All trials together."""
        return sum(trial.fit_seconds for trial in self.trials)


class _PrunedError(Exception):
    """Ends a trial's training."""


def search(
    settings: FinetuneSettings,
    seed: int,
    train: Callable[[FinetuneSettings, Hooks, Path | None], Finetuned],
    hooks: Hooks,
    folder: Path | None = None,
    on_trial: Callable[[int, Trial], None] = lambda number, trial: None,
) -> Searched:
    """Try ``settings.search`` settings.

    Parameters
    ----------
    settings : FinetuneSettings
    seed : int
        Of the sampler; the same one finds the same trials.
    train : callable
        Fine-tunes with the settings and hooks that it is given, and puts its checkpoints into the folder.
    hooks : Hooks
        ``on_evaluation`` is the search's own.
    folder : Path, optional
        Keeps finished trials, so that a search that was interrupted goes on with the next one.
    on_trial : callable, optional
        Called after each trial with its number, from 1.

    Raises
    ------
    TrainingError
        If Optuna is not installed, or no trial could be trained.
    """
    optuna = _optuna()
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=_SPREAD_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED_TRIALS, n_warmup_steps=_UNPRUNED_PARTS),
    )
    for params in [_first(settings), *_spread(settings, seed)]:
        study.enqueue_trial(params, skip_if_exists=False)
    known = _read(folder)
    trials: list[Trial] = []
    best: tuple[float, int, FinetuneSettings, Finetuned | None] | None = None
    for number in range(1, settings.search + 1):
        asked = study.ask()
        chosen = _suggested(asked, settings)
        place = _place(folder, number)
        made: Finetuned | None = None
        if number <= len(known) and known[number - 1].params != asked.params:
            known = known[: number - 1]  # another version of Optuna draws others
        if number <= len(known):
            trial = known[number - 1]
            for epoch in range(1, len(trial.scores) + 1):
                _report(asked, trial.scores[:epoch], chosen)
        else:
            trial, made = _tried(asked, chosen, train, hooks, place, optuna)
        _tell(study, asked, trial, optuna)
        trials.append(trial)
        if trial.state == "complete" and trial.score is not None and (best is None or trial.score > best[0]):
            if best is not None:
                _forget(_place(folder, best[1]))
            best = (trial.score, number, chosen, made)
        elif number > len(known):
            _forget(place)
        if number > len(known):
            _write(folder, trials)
            on_trial(number, trial)
    if best is None:
        reason = next((trial.reason for trial in trials if trial.reason), "all were pruned")
        raise TrainingError(f"none of {len(trials)} trials could be trained: {reason}")
    _, number, chosen, found = best
    if found is None:  # of an earlier process: its checkpoint is there, and training again would give the same
        found = train(chosen, replace(hooks, on_evaluation=lambda epoch, score: None), _place(folder, number))
    return Searched(found, chosen, tuple(trials))


def _place(folder: Path | None, number: int) -> Path | None:
    return None if folder is None else folder / f"trial-{number}"


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as e:
        raise TrainingError("--search needs the package optuna; install it with: pip install 'featx[search]'") from e
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _first(settings: FinetuneSettings) -> dict[str, Any]:
    """The user's own setting, as near as the space allows."""
    low, high = LEARNING_RATES[settings.method]
    first: dict[str, Any] = {
        "learning_rate": min(max(settings.learning_rate, low), high),
        "num_train_epochs": min(EPOCHS, key=lambda epochs: abs(epochs - settings.num_train_epochs)),
    }
    if settings.search_warmup:
        first["warmup_steps"] = min(WARMUPS, key=lambda share: abs(share - settings.warmup_steps))
    return first


def _report(asked: Any, scores: list[float], chosen: FinetuneSettings) -> None:
    """Tell the score of the last epoch, and of the parts of the training since the one before on a straight line."""
    epoch, a_part = len(scores), _PARTS / chosen.num_train_epochs
    if epoch == 1:
        asked.report(scores[0], round(a_part))
        return
    before, now = round(a_part * (epoch - 1)), round(a_part * epoch)
    for part in range(before + 1, now + 1):
        share = (part - before) / (now - before)
        asked.report((1 - share) * scores[-2] + share * scores[-1], part)


def _spread(settings: FinetuneSettings, seed: int) -> list[dict[str, Any]]:
    """Settings of the trials after the first: each part of the learning rates once, epochs evenly."""
    from scipy.stats.qmc import LatinHypercube

    n = min(settings.search, _SPREAD_TRIALS) - 1
    low, high = LEARNING_RATES[settings.method]
    made = []
    for rate, epochs, warmup in LatinHypercube(3, rng=seed).random(n) if n else ():
        params: dict[str, Any] = {
            "learning_rate": low * (high / low) ** float(rate),
            "num_train_epochs": EPOCHS[int(epochs * len(EPOCHS))],
        }
        if settings.search_warmup:
            params["warmup_steps"] = WARMUPS[int(warmup * len(WARMUPS))]
        made.append(params)
    return made


def _suggested(asked: Any, settings: FinetuneSettings) -> FinetuneSettings:
    low, high = LEARNING_RATES[settings.method]
    changes: dict[str, Any] = {
        "learning_rate": asked.suggest_float("learning_rate", low, high, log=True),
        "num_train_epochs": float(asked.suggest_int("num_train_epochs", min(EPOCHS), max(EPOCHS))),
    }
    if settings.search_warmup:
        changes["warmup_steps"] = asked.suggest_categorical("warmup_steps", WARMUPS)
    return replace(settings, **changes)


def _tried(
    asked: Any,
    chosen: FinetuneSettings,
    train: Callable[[FinetuneSettings, Hooks, Path | None], Finetuned],
    hooks: Hooks,
    place: Path | None,
    optuna: Any,
) -> tuple[Trial, Finetuned | None]:
    scores: list[float] = []

    def see(epoch: float, score: float) -> None:
        if epoch < 1:  # a probe's head before the first step
            return
        scores.append(score)
        _report(asked, scores, chosen)
        if asked.should_prune():
            raise _PrunedError

    started = time.perf_counter()
    params = dict(asked.params)
    try:
        made = train(chosen, replace(hooks, on_evaluation=see), place)
    except _PrunedError:
        return Trial(params, max(scores), "pruned", scores, time.perf_counter() - started), None
    except DivergedError as e:
        return Trial(params, None, "failed", scores, time.perf_counter() - started, str(e)), None
    return Trial(params, made.best_score, "complete", _scores(made), made.fit_seconds), made


def _scores(made: Finetuned) -> list[float]:
    """By epoch, those of an earlier process included."""
    name = f"eval_{SELECTION_METRIC}"
    return [entry[name] for entry in made.history if name in entry and entry["epoch"] >= 1]


def _tell(study: Any, asked: Any, trial: Trial, optuna: Any) -> None:
    states = optuna.trial.TrialState
    if trial.state == "complete":
        study.tell(asked, trial.score)
    else:
        study.tell(asked, state=states.PRUNED if trial.state == "pruned" else states.FAIL)


def _read(folder: Path | None) -> list[Trial]:
    """Trials of an earlier process; none where their file is missing or is not what `_write` writes."""
    if folder is None:
        return []
    try:
        trials = [Trial(**facts) for facts in json.loads((folder / _TRIALS).read_text("utf-8"))]
    except (OSError, ValueError, TypeError, RecursionError):
        return []
    return trials if all(map(_is_sound, trials)) else []


def _is_sound(trial: Trial) -> bool:
    def is_number(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")

    complete = trial.state == "complete" and is_number(trial.score)
    return (
        (complete or trial.state in ("pruned", "failed"))
        and isinstance(trial.params, dict)
        and isinstance(trial.scores, list)
        and all(map(is_number, [*trial.scores, trial.fit_seconds]))
    )


def _write(folder: Path | None, trials: list[Trial]) -> None:
    if folder is None or not is_first():
        wait_for_all()
        return
    path, building = folder / _TRIALS, folder / f".{_TRIALS}-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with building.open("w", encoding="utf-8") as file:
            json.dump([asdict(trial) for trial in trials], file)
            file.flush()
            os.fsync(file.fileno())
        building.replace(path)
    except OSError as e:
        raise TrainingError(f"{path} cannot be written: {e.strerror or e}; free space or move --results") from e
    wait_for_all()


def _forget(place: Path | None) -> None:
    if place is not None and is_first():
        shutil.rmtree(place, ignore_errors=True)
