"""Tuning of a fine-tuning on validation: learning rate, epochs, and warm-up and `long` on demand; with Optuna.

The first trial is what the user gave, so that a search is never behind it on validation. The next ones are spread over
the space (a Latin hypercube; McKay, Beckman and Conover 1979), since few draws by chance leave parts of it empty; those
after them are led by what came out (TPE). A trial that is below the median of those before it at the same share of
their training, half or more, is pruned: at the same epoch a long trial's learning rate is still high where a short
one's has come to nothing, so that equal epochs would speak against long ones. Every trial is kept in the record;
``trials`` says which is chosen.
May import ``errors`` and ``settings``.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from featx.errors import DivergedError, TrainingError
from featx.settings import FinetuneMethod, FinetuneSettings
from featx.training.finetuned import Finetuned
from featx.training.hooks import Hooks
from featx.training.processes import is_first
from featx.training.trials import SearchTrial, choose, may_be_chosen, read_trials, write_trials
from featx.training.validating import SCALED_LOG_LOSS, SCORE, STANDARD_ERROR

#: Learning rates that are tried, on a logarithmic scale; adapters want higher ones.
LEARNING_RATES = {FinetuneMethod.FULL: (1e-5, 3e-4), FinetuneMethod.LP: (1e-5, 3e-4), FinetuneMethod.LORA: (1e-4, 3e-3)}
#: Shares of warm-up that are tried with `search_warmup`.
WARMUPS = (0.0, 0.06, 0.1)
#: Trials that are spread over the space, the first one included, before the sampler looks at what came out.
_SPREAD_TRIALS = 8
#: Trials before any is pruned.
_UNPRUNED_TRIALS = 4
#: Parts of a training at whose ends trials are compared (2, 3, 4 and 5 epochs all end with one of them), and how many
#: must be over before a trial is pruned.
_PARTS, _UNPRUNED_PARTS = 60, 30


@dataclass(frozen=True)
class Searched:
    """The chosen trial's classifier, its settings, all trials, and the chosen one's number, from 1."""

    best: Finetuned
    settings: FinetuneSettings
    trials: tuple[SearchTrial, ...]
    number: int

    @property
    def fit_seconds(self) -> float:
        """All trials together."""
        return sum(trial.fit_seconds for trial in self.trials)


#: Fine-tunes with settings and hooks, and puts its checkpoints into the folder.
_Train = Callable[[FinetuneSettings, Hooks, Path | None], Finetuned]


class _PrunedError(Exception):
    """Ends a trial's training."""


def search(
    settings: FinetuneSettings,
    seed: int,
    train: _Train,
    hooks: Hooks,
    folder: Path | None = None,
    on_trial: Callable[[int, SearchTrial], None] = lambda number, trial: None,
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
    running = _Search(settings, seed, train, hooks, folder)
    for number in range(1, settings.search + 1):
        trial = running.try_next(number)
        if trial is not None:
            on_trial(number, trial)
    return running.chosen()


class _Search:
    """A search while it runs: what was tried, and the model that would be chosen now if this process trained it."""

    def __init__(self, settings: FinetuneSettings, seed: int, train: _Train, hooks: Hooks, folder: Path | None) -> None:
        self.settings, self.train, self.hooks, self.folder = settings, train, hooks, folder
        self.optuna = _optuna()
        self.study = self.optuna.create_study(
            direction="maximize",
            sampler=self.optuna.samplers.TPESampler(seed=seed, n_startup_trials=_SPREAD_TRIALS),
            pruner=self.optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED_TRIALS, n_warmup_steps=_UNPRUNED_PARTS),
        )
        for params in [_first(settings), *_spread(settings, seed)]:
            self.study.enqueue_trial(params, skip_if_exists=False)
        self.known = read_trials(folder)
        self.trials: list[SearchTrial] = []
        self.tried: dict[int, FinetuneSettings] = {}
        self.ahead: tuple[int, Finetuned] | None = None

    def try_next(self, number: int) -> SearchTrial | None:
        """Make the trial `number`; None if an earlier process has made it."""
        asked = self.study.ask()
        chosen = self.tried[number] = _suggested(asked, self.settings)
        made: Finetuned | None = None
        if number <= len(self.known) and self.known[number - 1].params != asked.params:
            self.known = self.known[: number - 1]  # another version of Optuna draws others
        is_known = number <= len(self.known)
        if is_known:
            trial = self.known[number - 1]
            for epoch in range(1, len(trial.scores) + 1):
                _report(asked, trial.scores[:epoch], chosen)
        else:
            trial, made = _tried(asked, chosen, self.train, self.hooks, _place(self.folder, number))
        _tell(self.study, asked, trial, self.optuna)
        self.trials.append(trial)
        if choose(self.trials) == number:
            self.ahead = None if made is None else (number, made)
        if is_known:
            return None
        write_trials(self.folder, self.trials)
        _forget(self.folder, set(self.tried) - may_be_chosen(self.trials))
        return trial

    def chosen(self) -> Searched:
        """Return the chosen trial with its model: from memory, its checkpoint, or the same training again."""
        best = choose(self.trials)
        if best is None:
            reason = next((trial.reason for trial in self.trials if trial.reason), "all were pruned")
            raise TrainingError(f"none of {len(self.trials)} trials could be trained: {reason}")
        _forget(self.folder, set(self.tried) - {best})
        if self.ahead is not None and self.ahead[0] == best:
            found = self.ahead[1]
        else:
            quiet = replace(self.hooks, on_evaluation=lambda epoch, score: None)
            found = self.train(self.tried[best], quiet, _place(self.folder, best))
        return Searched(found, self.tried[best], tuple(self.trials), best)


def _place(folder: Path | None, number: int) -> Path | None:
    return None if folder is None else folder / f"trial-{number}"


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as e:
        raise TrainingError("`search` needs the package optuna; install it with: pip install 'featx[search]'") from e
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _first(settings: FinetuneSettings) -> dict[str, Any]:
    """Return the user's own setting, as near as the space allows."""
    low, high = LEARNING_RATES[settings.method]
    first: dict[str, Any] = {
        "learning_rate": min(max(settings.learning_rate, low), high),
        "num_train_epochs": min(settings.search_passes, key=lambda epochs: abs(epochs - settings.num_train_epochs)),
    }
    if settings.search_warmup:
        first["warmup_steps"] = min(WARMUPS, key=lambda share: abs(share - settings.warmup_steps))
    if len(settings.long) > 1:
        first["long"] = settings.long[0].value
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
    """Return settings of the trials after the first: each part of the learning rates once, epochs evenly."""
    from scipy.stats.qmc import LatinHypercube

    n = min(settings.search, _SPREAD_TRIALS) - 1
    low, high = LEARNING_RATES[settings.method]
    made = []
    several = len(settings.long) > 1  # a dimension of its own would change what the others draw
    for rate, epochs, warmup, *longs in LatinHypercube(3 + several, rng=seed).random(n) if n else ():
        params: dict[str, Any] = {
            "learning_rate": low * (high / low) ** float(rate),
            "num_train_epochs": settings.search_passes[int(epochs * len(settings.search_passes))],
        }
        if settings.search_warmup:
            params["warmup_steps"] = WARMUPS[int(warmup * len(WARMUPS))]
        if several:
            params["long"] = settings.long[int(longs[0] * len(settings.long))].value
        made.append(params)
    return made


def _suggested(asked: Any, settings: FinetuneSettings) -> FinetuneSettings:
    low, high = LEARNING_RATES[settings.method]
    changes: dict[str, Any] = {
        "learning_rate": asked.suggest_float("learning_rate", low, high, log=True),
        "num_train_epochs": float(_epochs(asked, settings.search_passes)),
    }
    if settings.search_warmup:
        changes["warmup_steps"] = asked.suggest_categorical("warmup_steps", WARMUPS)
    if len(settings.long) > 1:
        changes["long"] = asked.suggest_categorical("long", [long.value for long in settings.long])
    return replace(settings, **changes)


def _epochs(asked: Any, choices: tuple[int, ...]) -> int:
    """Return a suggestion: a whole number where the choices are consecutive, as the sampler then knows their order."""
    if list(choices) == list(range(min(choices), max(choices) + 1)):
        return int(asked.suggest_int("num_train_epochs", min(choices), max(choices)))
    return int(asked.suggest_categorical("num_train_epochs", choices))


def _tried(
    asked: Any,
    chosen: FinetuneSettings,
    train: _Train,
    hooks: Hooks,
    place: Path | None,
) -> tuple[SearchTrial, Finetuned | None]:
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
        return SearchTrial(params, max(scores), "pruned", scores, time.perf_counter() - started), None
    except DivergedError as e:
        return SearchTrial(params, None, "failed", scores, time.perf_counter() - started, str(e)), None
    evaluations = (entry for entry in made.history if STANDARD_ERROR in entry)
    best: dict[str, Any] = next((entry for entry in evaluations if entry["epoch"] == made.best_epoch), {})
    return SearchTrial(
        params,
        made.best_score,
        "complete",
        _scores(made),
        made.fit_seconds,
        standard_error=best.get(STANDARD_ERROR),
        log_loss=best.get(SCALED_LOG_LOSS),
    ), made


def _scores(made: Finetuned) -> list[float]:
    """By epoch, those of an earlier process included."""
    return [entry[SCORE] for entry in made.history if SCORE in entry and entry["epoch"] >= 1]


def _tell(study: Any, asked: Any, trial: SearchTrial, optuna: Any) -> None:
    states = optuna.trial.TrialState
    if trial.state == "complete":
        study.tell(asked, trial.score)
    else:
        study.tell(asked, state=states.PRUNED if trial.state == "pruned" else states.FAIL)


def _forget(folder: Path | None, numbers: set[int]) -> None:
    """Remove the checkpoints of trials."""
    if folder is not None and is_first():
        for number in numbers:
            shutil.rmtree(folder / f"trial-{number}", ignore_errors=True)
