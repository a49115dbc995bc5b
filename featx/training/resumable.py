"""The part of the `Trainer` that writes checkpoints and goes on from them.

Every state that decides about the next step is stored: weights, optimiser, schedule, random generators, the best epoch,
the Trainer's counters and log, and the sums of the loss since its last entry. May import ``config`` and ``errors``.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from featx.errors import StoppedError
from featx.settings import SaveStrategy
from featx.training.best import copy_of_weights, put_weights
from featx.training.checkpoints import keep_newest, write_checkpoint
from featx.training.processes import any_of, is_first, wait_for_all
from featx.training.state import optimizer_state, put_optimizer_state, put_random_state, random_state

#: Name under which the Trainer looks for its counters and log when it goes on.
TRAINER_STATE = "trainer_state.json"

#: The Trainer, which is too slow to import to be named here; `trainer_class` puts it behind this class.
_Base: Any = object


class Resumable(_Base):  # type: ignore[misc]
    """Overrides of the Trainer's saving and loading; expects a `TrainingTask` as ``self.task``.

    Attributes
    ----------
    epoch_ended : bool
        Whether the last text of the epoch is behind it.
    """

    def begin(self) -> None:
        """Set up what is counted."""
        self.epoch_ended = False
        self.saved_step = -1 if self.task.resumed is None else self.task.resumed.step
        self.started = time.perf_counter()

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        self.control.should_save = False
        super()._maybe_log_save_evaluate(*args, **kwargs)
        finished = self.control.should_training_stop
        if not self.epoch_ended and (finished or float(self.state.epoch or 0).is_integer()):
            return  # the evaluation of this epoch is still to come; without it a checkpoint would be too early
        stopped = any_of(self.task.interrupts.received is not None, self.args.device)
        if self.task.folder is not None and (stopped or self._is_due(finished)):
            self._write(self.task.folder, finished)
        if stopped:
            raise _stopped(self.task.interrupts.received, self.state.global_step, self.task.folder)

    def _is_due(self, finished: bool) -> bool:
        saving = self.task.saving
        if saving.save_strategy is SaveStrategy.NO:
            return False
        if finished or saving.save_strategy is SaveStrategy.EPOCH:
            return finished or self.epoch_ended
        return bool(self.state.global_step - max(self.saved_step, 0) >= saving.save_steps)

    def _write(self, folder: Path, finished: bool) -> None:
        step = self.state.global_step
        if step == self.saved_step and not finished:
            return
        tensors, random_facts = random_state(self.args.device)
        if is_first():
            self._write_as_first(folder, finished, tensors, random_facts)
        wait_for_all()
        self.saved_step = step

    def _write_as_first(
        self, folder: Path, finished: bool, random_tensors: dict[str, Any], random_facts: dict[str, Any]
    ) -> None:
        step, best = self.state.global_step, self.task.best
        optimizer, optimizer_facts = optimizer_state(self.optimizer)
        tensors = {"weights": copy_of_weights(self.model), "optimizer": optimizer, "random": random_tensors}
        if best.step not in (-1, step):
            tensors["best"] = best.weights or {}
        scaler = getattr(self.accelerator, "scaler", None)
        state = {
            "finished": finished,
            "best": best.to_json(),
            "seconds": self.seconds,
            "loss": [self._tr_loss.item(), self._total_loss_scalar, self._globalstep_last_logged],
            "optimizer": optimizer_facts,
            "scheduler": self.lr_scheduler.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "random": random_facts,
        }
        write_checkpoint(folder, step, tensors, state, lambda path: self.state.save_to_json(str(path / TRAINER_STATE)))
        keep_newest(folder, self.task.saving.save_total_limit)

    @property
    def seconds(self) -> float:
        """Spent on this training, in this process and in those that it was taken over from."""
        return float(self.task.seconds + time.perf_counter() - self.started)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        assert self.task.resumed is not None
        put_weights(self.model, self.task.resumed.tensors("weights"))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self.task.resumed is None:
            return
        state = self.task.resumed.state
        put_optimizer_state(self.optimizer, self.task.resumed.tensors("optimizer"), state["optimizer"])
        self.lr_scheduler.load_state_dict(state["scheduler"])

    def _load_scaler(self, checkpoint: str | None) -> None:
        if self.task.resumed is not None and self.task.resumed.state["scaler"]:
            self.accelerator.scaler.load_state_dict(self.task.resumed.state["scaler"])

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if self.task.resumed is not None:
            resumed = self.task.resumed
            put_random_state(resumed.tensors("random"), resumed.state["random"], self.args.device)

    def restore_loss(self) -> None:
        """Go on with the sums of the loss since the last entry of the log."""
        if self.task.resumed is not None:
            loss, total, logged = self.task.resumed.state["loss"]
            self._tr_loss.fill_(loss)
            self._total_loss_scalar, self._globalstep_last_logged = total, logged


def _stopped(signum: int | None, step: int, folder: Path | None) -> StoppedError:
    signum = signum or 15  # another process of the same training was told, and tells us
    kept = "" if folder is None else "; its checkpoint is written, and the same command goes on from there"
    return StoppedError(f"{'interrupted' if signum == 2 else 'terminated'} at step {step}{kept}", signum)
