"""What a caller is told while a training runs. Imports nothing of featx but the signals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from featx.training.signals import Interrupts


@dataclass(frozen=True)
class Hooks:
    """Functions that a training calls.

    Attributes
    ----------
    on_step : callable
        With steps done and steps in all.
    on_log : callable
        With each entry of the log.
    on_evaluation : callable
        With epoch and `SELECTION_METRIC`; may raise to end the training.
    say : callable
        With a remark for the user.
    interrupts : Interrupts
    """

    on_step: Callable[[int, int], None] = lambda done, total: None
    on_log: Callable[[dict[str, Any]], None] = lambda entry: None
    on_evaluation: Callable[[float, float], None] = lambda epoch, score: None
    say: Callable[[str], None] = lambda remark: None
    interrupts: Interrupts = field(default_factory=Interrupts)
