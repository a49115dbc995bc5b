"""Trials of a search: what each came to, which is chosen, and their record on disk. May import ``errors``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from featx.errors import TrainingError
from featx.files import write_file
from featx.training.processes import is_first, wait_for_all

_TRIALS = "trials.json"


@dataclass(frozen=True)
class SearchTrial:
    """One setting that was tried.

    Attributes
    ----------
    params : dict
        What the search chose.
    score : float or None
        `SELECTION_METRIC` on validation of the epoch that is kept; for a pruned trial the best of the epochs it had,
        None for a failed one.
    state : str
        ``complete``, ``pruned`` or ``failed``.
    scores : list of float
        By epoch.
    fit_seconds : float
    reason : str or None
        Why it failed.
    standard_error, log_loss : float or None
        At the epoch that is kept: the score's standard error, and the log loss of validation after temperature scaling,
        in nats; None for a trial that is not complete.
    """

    params: dict[str, Any]
    score: float | None
    state: str
    scores: list[float]
    fit_seconds: float
    reason: str | None = None
    standard_error: float | None = None
    log_loss: float | None = None


def choose(trials: Sequence[SearchTrial]) -> int | None:
    """Number, from 1, of the trial that is chosen; None if none is complete.

    Of the trials whose score is within one standard error of the best one's (as in Breiman et al., 1984), the one
    with the lowest log loss: between scores that so few texts cannot tell apart the highest is the luckiest, and the
    log loss, which sees how probable each label was and not only which was first, tells more.
    """
    complete = _complete(trials)
    if not complete:
        return None
    _, best, error, _ = max(complete, key=lambda trial: trial[1])
    near = [trial for trial in complete if trial[1] >= best - error]
    return min(near, key=lambda trial: trial[3])[0]


def may_be_chosen(trials: Sequence[SearchTrial]) -> set[int]:
    """Numbers, from 1, of the trials that `choose` can name when more trials follow.

    Not those behind another one in both score and log loss.
    """
    complete = _complete(trials)
    return {
        number
        for number, score, _, loss in complete
        if not any(other >= score and lower < loss for _, other, _, lower in complete)
    }


def _complete(trials: Sequence[SearchTrial]) -> list[tuple[int, float, float, float]]:
    """Number, score, standard error and log loss; 0 and infinite where a log of an earlier featx lacks them."""
    return [
        (number, trial.score, trial.standard_error or 0.0, math.inf if trial.log_loss is None else trial.log_loss)
        for number, trial in enumerate(trials, 1)
        if trial.state == "complete" and trial.score is not None
    ]


def read_trials(folder: Path | None) -> list[SearchTrial]:
    """Return the trials of an earlier process; none where their file is missing or is no whole record."""
    if folder is None:
        return []
    try:
        trials = msgspec.json.decode((folder / _TRIALS).read_bytes(), type=list[SearchTrial])
    except (OSError, ValueError, RecursionError):
        return []
    return trials if all(map(_is_sound, trials)) else []


def _is_sound(trial: SearchTrial) -> bool:
    numbers = [trial.score, trial.standard_error, trial.log_loss]
    return trial.state in ("pruned", "failed") or (trial.state == "complete" and None not in numbers)


def write_trials(folder: Path | None, trials: Sequence[SearchTrial]) -> None:
    """Put the record into `folder`, by the first of all processes, while the others wait.

    Raises
    ------
    TrainingError
        If it cannot be written.
    """
    if folder is None or not is_first():
        wait_for_all()
        return
    path = folder / _TRIALS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(path, [json.dumps([asdict(trial) for trial in trials]).encode()])
    except OSError as e:
        raise TrainingError(
            f"{path} cannot be written: {e.strerror or e}; free space or choose another folder of `results`"
        ) from e
    wait_for_all()
