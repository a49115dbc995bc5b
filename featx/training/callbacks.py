"""Callbacks of the Trainer: progress, the log, and where in an epoch it stands. Imports nothing of featx but them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from featx.training.trainer import check_loss


def callbacks(trainer: Any, on_step: Callable[[int, int], None] | None) -> Any:
    """One Trainer callback for all that featx wants to know of a training.

    Parameters
    ----------
    trainer : FeatxTrainer
    on_step : callable, optional
        Called with steps done and steps in all.
    """
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            trainer.restore_loss()

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            trainer.epoch_ended = False
            trainer.order.epoch = int(state.epoch or 0)

        def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            trainer.epoch_ended = True

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if on_step:
                on_step(state.global_step, state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            logs = kwargs["logs"]
            if "loss" in logs:
                check_loss(logs["loss"], state.global_step, logs["learning_rate"])
            trainer.task.on_log({**logs, "step": state.global_step})

    return Watch()
