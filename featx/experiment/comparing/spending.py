"""Where the rest of a budget goes: to what keeps the answer open, or nowhere. Pure rules; nothing is run here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Trials, and seeds, that are added at once.
MORE_TRIALS, MORE_SEEDS = 4, 2
#: Folds that data are cut into.
FOLDS = 5
#: Share of the interval's variance from which on seeds are worth more than texts.
_SEED_SHARE = 0.3


class On(StrEnum):
    """What time is spent on."""

    TRIALS = "trials"
    SEEDS = "seeds"
    FOLDS = "folds"


class Because(StrEnum):
    """Why nothing more is done."""

    DECIDED = "decided"
    BUDGET = "budget"
    TEXTS = "texts"
    LIMITS = "limits"
    LOOKS = "looks"


@dataclass(frozen=True)
class Standing:
    """Where a comparison stands after a look.

    Attributes
    ----------
    is_decided : bool
    looks_left : int
    under_trained : bool
        Whether a fine-tuning was still improving, or learned nothing.
    trials, seeds : int
        Of fine-tuning, so far.
    most_trials, most_seeds : int
    seed_share : float or None
        Share of the variance of the difference that is due to seeds; None with one seed, of which nothing is known.
    seconds_left : float
        Of the budget; infinite without one.
    trial_seconds : float
        Forecast of one more trial, or seed.
    has_folds : bool
    fold_seconds : float or None
        Forecast of testing every text by folds; None where that is done, or the test split was given.
    """

    is_decided: bool
    looks_left: int
    under_trained: bool
    trials: int
    seeds: int
    most_trials: int
    most_seeds: int
    seed_share: float | None
    seconds_left: float
    trial_seconds: float
    has_folds: bool = False
    fold_seconds: float | None = None


@dataclass(frozen=True)
class Spend:
    """What to do next: so many trials, seeds or folds in all, at a cost of `seconds`."""

    on: On
    number: int
    seconds: float


def next_step(at: Standing) -> Spend | Because:
    """Return what would most likely decide an open answer, or why nothing more is done.

    More trials while fine-tuning is under-trained; more seeds while nothing or much of the interval is due to them;
    otherwise the test texts are its widest part: folds, which test every text, or nothing.
    """
    if at.is_decided:
        return Because.DECIDED
    if at.looks_left == 0:
        return Because.LOOKS
    wanted = _wanted(at)
    if isinstance(wanted, Spend) and wanted.seconds > at.seconds_left:
        return Because.BUDGET
    return wanted


def _wanted(at: Standing) -> Spend | Because:
    if at.under_trained:
        number = min(at.most_trials, at.trials + MORE_TRIALS)
        if not at.trials or number <= at.trials:
            return Because.LIMITS
        # The chosen trial is trained again where an earlier command made it, and so is every further seed.
        return Spend(On.TRIALS, number, (number - at.trials + at.seeds) * at.trial_seconds)
    if at.seeds < at.most_seeds and (at.seed_share is None or at.seed_share >= _SEED_SHARE):
        number = min(at.most_seeds, at.seeds + MORE_SEEDS)
        return Spend(On.SEEDS, number, (number - at.seeds) * at.trial_seconds)
    if at.fold_seconds is not None:
        return Spend(On.FOLDS, FOLDS, at.fold_seconds)
    if at.has_folds or (at.seed_share is not None and at.seed_share < _SEED_SHARE):
        return Because.TEXTS
    return Because.LIMITS


#: Seeds without which nothing is decided: the spread of two is hardly known.
LEAST_SEEDS = 3
#: Trials and seeds that fine-tuning starts with, the most thorough first.
_PLANS = ((8, 3), (6, 3), (4, 3), (2, 3), (0, 3), (4, 1), (2, 1), (0, 1))


def first_plan(
    most_trials: int,
    most_seeds: int,
    seconds_left: float,
    trial_seconds: float,
    single_seconds: float,
    done: tuple[int, int] = (0, 0),
) -> tuple[int, int] | None:
    """Return trials and seeds of fine-tuning at first: the most thorough plan that fits; None where none does.

    The trial that is chosen is the first seed; without trials a training takes `single_seconds`. Trials and seeds that
    are `done` are not paid again, and none is undone.
    """
    for trials, seeds in _PLANS:
        trials, seeds = max(min(trials, most_trials), done[0]), max(min(seeds, most_seeds), done[1])
        further = 0 if (trials, seeds) == done else _trainings(trials, seeds) - _trainings(*done)
        if further * (trial_seconds if trials else single_seconds) <= seconds_left:
            return trials, seeds
    return None


def _trainings(trials: int, seeds: int) -> int:
    return max(trials, 1) + seeds - 1 if seeds else 0
