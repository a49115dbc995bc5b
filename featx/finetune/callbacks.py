"""Callbacks of the Trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def progress_callback(on_step: Callable[[int, int], None]) -> Any:
    """A Trainer callback that calls `on_step` with steps done and steps in all."""
    from transformers import TrainerCallback

    class Progress(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            on_step(state.global_step, state.max_steps)

    return Progress()
