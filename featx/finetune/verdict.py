"""Whether a training ended too early. May import ``config``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featx.config import FinetuneSettings

#: Share by which the loss must have fallen to count as falling.
_FALLING = 0.01


@dataclass(frozen=True)
class Verdict:
    """Whether a training was still improving when it ended, and what to do then.

    Attributes
    ----------
    under_trained : bool
    advice : str or None
    """

    under_trained: bool
    advice: str | None


def judge(
    history: Sequence[Mapping[str, Any]], best_epoch: float, last_epoch: float, settings: FinetuneSettings
) -> Verdict:
    """Look at the log of a training.

    It was under-trained if its best epoch on validation is the last one and the training loss was still falling: its
    mean over the last epoch is below that of the epoch before (within one epoch: of the second and the first half).

    Parameters
    ----------
    history : sequence of mapping
        Entries with ``loss`` and ``epoch``; others are passed over.
    best_epoch, last_epoch : float
        In passes over train.
    settings : FinetuneSettings
        What it was trained with, for the advice.

    Examples
    --------
    >>> falling = [{"epoch": 1.0, "loss": 1.0}, {"epoch": 2.0, "loss": 0.8}]
    >>> judge(falling, 2, 2, FinetuneSettings()).advice
    'still improving at the end: raise --num-train-epochs above 2 or --learning-rate above 2e-05, or try --search 8'
    >>> judge(falling, 1, 2, FinetuneSettings()).under_trained
    False
    """
    losses = [(float(entry["epoch"]), float(entry["loss"])) for entry in history if "loss" in entry]
    if best_epoch < last_epoch or len(losses) < 2:
        return Verdict(False, None)
    span = min(1.0, last_epoch / 2)
    late = [loss for epoch, loss in losses if epoch > last_epoch - span]
    early = [loss for epoch, loss in losses if last_epoch - 2 * span < epoch <= last_epoch - span]
    if not early or not late or sum(late) / len(late) > (1 - _FALLING) * sum(early) / len(early):
        return Verdict(False, None)
    if settings.max_steps > 0:
        remedy = f"raise --max-steps above {settings.max_steps}, or leave it out, or raise --learning-rate"
    elif settings.search:
        remedy = f"raise --search above {settings.search}, or set --num-train-epochs above {last_epoch:g} without it"
    else:
        remedy = (
            f"raise --num-train-epochs above {last_epoch:g} or --learning-rate above {settings.learning_rate:g}, or "
            "try --search 8"
        )
    return Verdict(True, f"still improving at the end: {remedy}")
