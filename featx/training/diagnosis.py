"""Whether a training ended too early, or never began to learn. May import ``config``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean as mean
from typing import Any

from featx.settings import FinetuneSettings

#: Share by which the loss must have fallen, or lie below that of a constant answer, to count as less.
_FALLING = 0.01


@dataclass(frozen=True)
class Diagnosis:
    """Whether a training was still improving when it ended, or had learned nothing, and what to do then.

    Attributes
    ----------
    under_trained : bool
    advice : str or None
    learned_nothing : bool
    """

    under_trained: bool
    advice: str | None
    learned_nothing: bool = False


def judge(
    history: Sequence[Mapping[str, Any]],
    best_epoch: float,
    last_epoch: float,
    settings: FinetuneSettings,
    constant_loss: float = float("inf"),
) -> Diagnosis:
    """Look at the log of a training.

    It was under-trained if its best epoch on validation is the last one and the training loss was still falling: its
    mean over the last epoch is below that of the epoch before (within one epoch: of the second and the first half). It
    was so as well if that mean is no better than what the same answer to every text would come to.

    Parameters
    ----------
    history : sequence of mapping
        Entries with ``loss`` and ``epoch``; others are passed over.
    best_epoch, last_epoch : float
        In passes over train.
    settings : FinetuneSettings
        What it was trained with, for the advice.
    constant_loss : float
        As of `featx.training.loss.constant_loss`; infinite where it is not known.

    Examples
    --------
    >>> falling = [{"epoch": 1.0, "loss": 1.0}, {"epoch": 2.0, "loss": 0.8}]
    >>> judge(falling, 2, 2, FinetuneSettings()).advice
    'still improving at the end: raise --num-train-epochs above 2 or --learning-rate above 2e-05, or try --search 8'
    >>> judge(falling, 1, 2, FinetuneSettings()).under_trained
    False
    """
    losses = [(float(entry["epoch"]), float(entry["loss"])) for entry in history if "loss" in entry]
    span = min(1.0, last_epoch / 2)
    late = [loss for epoch, loss in losses if epoch > last_epoch - span]
    early = [loss for epoch, loss in losses if last_epoch - 2 * span < epoch <= last_epoch - span]
    if best_epoch >= last_epoch and early and late and mean(late) <= (1 - _FALLING) * mean(early):
        return Diagnosis(True, f"still improving at the end: {_longer(last_epoch, settings)}")
    if late and mean(late) > (1 - _FALLING) * constant_loss:
        remedy = f"raise --search above {settings.search}" if settings.search else "try --search 8"
        return Diagnosis(
            True,
            f"learned nothing: its training loss is {mean(late):.3f}, that of the same answer to every text "
            f"{constant_loss:.3f}; {remedy}, or another --learning-rate than {settings.learning_rate:g}",
            learned_nothing=True,
        )
    return Diagnosis(False, None)


def _longer(last_epoch: float, settings: FinetuneSettings) -> str:
    if settings.max_steps > 0:
        return f"raise --max-steps above {settings.max_steps}, or leave it out, or raise --learning-rate"
    if settings.search:
        return f"raise --search above {settings.search}, or set --num-train-epochs above {last_epoch:g} without it"
    return (
        f"raise --num-train-epochs above {last_epoch:g} or --learning-rate above {settings.learning_rate:g}, or "
        "try --search 8"
    )
