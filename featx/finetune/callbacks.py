"""Callbacks of the Trainer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from featx.errors import TrainingError


def progress_callback(on_step: Callable[[int, int], None]) -> Any:
    """A Trainer callback that calls `on_step` with steps done and steps in all."""
    from transformers import TrainerCallback

    class Progress(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            on_step(state.global_step, state.max_steps)

    return Progress()


def nan_callback() -> Any:
    """A Trainer callback that stops a training whose loss is no number, with the step and advice.

    Raises
    ------
    TrainingError
        From within ``Trainer.train``.
    """
    from transformers import TrainerCallback

    class StopAtNan(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if not math.isfinite(kwargs["logs"].get("loss", 0.0)):
                raise TrainingError(
                    f"the loss is no number at step {state.global_step} (learning_rate {args.learning_rate:g}); "
                    "lower --learning-rate, or raise --warmup-steps"
                )

    return StopAtNan()
