"""All that featx changes in the Transformers `Trainer`: the one file that touches its internals.

Its own are the order of the texts, learning rates of single parameters, evaluation, and checkpoints from which a
training goes on bit for bit; the loop, the optimizer, the schedule, accumulation, clipping, mixed precision and several
processes are the Trainer's. A test lists every internal that is used here and holds it against the installed
Transformers. May import ``errors``, ``settings`` and the token side of ``features``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import DivergedError, StoppedError
from featx.features.batches import pad
from featx.settings import SaveStrategy, SavingSettings
from featx.training.best import BestEpoch, copy_of_weights, put_weights
from featx.training.checkpoints import Saved, keep_newest, write_checkpoint
from featx.training.hooks import Hooks
from featx.training.order import LikeLengths
from featx.training.preparing import Prepared
from featx.training.processes import any_of, is_first, wait_for_all, world_size
from featx.training.state import optimizer_state, put_optimizer_state, put_random_state, random_state
from featx.training.validating import SCORE, STANDARD_ERROR, validation_metrics

#: Name under which the Trainer looks for its counters and log when it goes on.
TRAINER_STATE = "trainer_state.json"

#: The Trainer, which is too slow to import to be named here; `trainer_class` puts it behind this class.
_Base: Any = object


@dataclass(frozen=True)
class TrainingTask:
    """What a training needs beyond the Trainer's own arguments.

    Attributes
    ----------
    prepared : Prepared
    hooks : Hooks
    best : BestEpoch
    saving : SavingSettings
    folder : Path or None
        For checkpoints; None writes none.
    resumed : Saved or None
        The checkpoint that it goes on from.
    """

    prepared: Prepared
    hooks: Hooks
    best: BestEpoch
    saving: SavingSettings
    folder: Path | None
    resumed: Saved | None


class _Changes(_Base):  # type: ignore[misc]
    """Overrides of the Trainer.

    Attributes
    ----------
    epoch_ended : bool
        Whether the last text of the epoch is behind it.
    """

    control: Any
    compute_loss_func: Any

    def __init__(self, task: TrainingTask, **settings: Any) -> None:
        from transformers import PrinterCallback

        self.task = task
        self.epoch_ended = False
        self.saved_step = -1 if task.resumed is None else task.resumed.step
        self.started = time.perf_counter()
        if world_size() == 1 and settings["args"].n_gpu > 1:
            settings["args"]._n_gpu = 1  # several GPUs are for torchrun; in one process they would split every batch
        super().__init__(**settings)
        self.remove_callback(PrinterCallback)
        self.add_callback(_watch(self))

    @property
    def seconds(self) -> float:
        """Time spent on this training, in this process and in those that it was taken over from."""
        before = 0.0 if self.task.resumed is None else self.task.resumed.state["seconds"]
        return float(before + time.perf_counter() - self.started)

    # Steps.

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        together = self.args.train_batch_size * self.args.gradient_accumulation_steps * world_size()
        self.order = LikeLengths(self.train_dataset.tokens.lengths, together, self.args.seed)
        return self.order

    def create_optimizer(self, model: Any = None) -> Any:
        optimizer = super().create_optimizer(model)
        _set_rates(optimizer, self.model, self.task.prepared.rates)
        return optimizer

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().training_step(*args, **kwargs)
        # Elsewhere a look at the number would wait for the device; several processes must stop at one step.
        if loss.device.type == "cpu" and world_size() == 1:
            _check_loss(loss.item(), self.state.global_step + 1, self.lr_scheduler.get_last_lr()[0])
        return loss

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Give the loss what each example counts, which is no input of the model."""
        plain: Any = self.compute_loss_func
        self.compute_loss_func = partial(plain, weights=inputs.pop("weights", None))
        try:
            return super().compute_loss(model, inputs, *args, **kwargs)
        finally:
            self.compute_loss_func = plain

    def floating_point_ops(self, inputs: Any) -> int:
        return 0  # the Trainer counts all parameters anew for each batch

    def try_step(self, rows: NDArray[np.int64]) -> None:
        """Compute the gradients of texts of train, and drop them."""
        batch = self.data_collator([self.train_dataset[int(row)] for row in rows])
        batch = {name: tensor.to(self.args.device) for name, tensor in batch.items()}
        self.model.train()
        self.compute_loss(self.model, batch).backward()

    # Evaluation.

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval") -> Any:
        prepared, best, state = self.task.prepared, self.task.best, self.state
        metrics = validation_metrics(self.model, prepared, self.args.device)
        self.log(dict(metrics))
        score, epoch = float(metrics[SCORE]), state.epoch or 0.0
        best.see(score, metrics[STANDARD_ERROR], epoch, state.global_step, self.model)
        patience = prepared.settings.early_stopping_patience
        if patience is not None and best.without_gain >= patience:
            self.control.should_training_stop = True
        self.control = self.callback_handler.on_evaluate(self.args, state, self.control, metrics)
        self.task.hooks.on_evaluation(epoch, score)
        return metrics

    # Checkpoints: written after log and evaluation of a step.

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        self.control.should_save = False
        super()._maybe_log_save_evaluate(*args, **kwargs)
        task, interrupts = self.task, self.task.hooks.interrupts
        finished = self.control.should_training_stop
        if not self.epoch_ended and (finished or float(self.state.epoch or 0).is_integer()):
            return  # the evaluation of this epoch is still to come; without it a checkpoint would be too early
        stopped = any_of(interrupts.received is not None, self.args.device)
        if task.folder is not None and (stopped or self._is_due(finished)):
            self._write(task.folder, finished)
        if stopped:
            raise _stopped(interrupts.received, self.state.global_step, task.folder)

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
            write_checkpoint(
                folder, step, self._tensors(step) | {"random": tensors}, self._state(finished, random_facts),
                lambda path: self.state.save_to_json(str(path / TRAINER_STATE)),
            )  # fmt: skip
            keep_newest(folder, self.task.saving.save_total_limit)
        wait_for_all()
        self.saved_step = step

    def _tensors(self, step: int) -> dict[str, dict[str, Any]]:
        best = self.task.best
        tensors = {"weights": copy_of_weights(self.model), "optimizer": optimizer_state(self.optimizer)[0]}
        return tensors if best.step in (-1, step) else tensors | {"best": best.weights or {}}

    def _state(self, finished: bool, random_facts: dict[str, Any]) -> dict[str, Any]:
        scaler = getattr(self.accelerator, "scaler", None)
        return {
            "finished": finished,
            "best": self.task.best.to_json(),
            "seconds": self.seconds,
            "loss": [self._tr_loss.item(), self._globalstep_last_logged],
            "optimizer": optimizer_state(self.optimizer)[1],
            "scheduler": self.lr_scheduler.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "random": random_facts,
        }

    # Going on from one.

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        assert self.task.resumed is not None
        with self.task.resumed.used():
            put_weights(self.model, self.task.resumed.tensors("weights"))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        resumed = self.task.resumed
        if resumed is not None:
            with resumed.used():
                put_optimizer_state(self.optimizer, resumed.tensors("optimizer"), resumed.state["optimizer"])
                self.lr_scheduler.load_state_dict(resumed.state["scheduler"])
                if resumed.state["scaler"]:
                    self.accelerator.scaler.load_state_dict(resumed.state["scaler"])

    def _load_rng_state(self, checkpoint: str | None) -> None:
        resumed = self.task.resumed
        if resumed is not None:
            with resumed.used():
                put_random_state(resumed.tensors("random"), resumed.state["random"], self.args.device)

    def restore_loss(self) -> None:
        """Go on with the sum of the loss since the last entry of the log."""
        resumed = self.task.resumed
        if resumed is not None:
            with resumed.used():
                loss, *_, logged = resumed.state["loss"]
                self._tr_loss.fill_(loss)
                self._globalstep_last_logged = int(logged)


@cache
def trainer_class() -> type[Any]:
    """Return the Trainer with featx's changes; made on first use, since Transformers is slow to import."""
    from transformers import Trainer

    return type("FeatxTrainer", (_Changes, Trainer), {})


def _watch(trainer: Any) -> Any:
    """Return the Trainer's callback for progress, the log, and where in an epoch it stands."""
    from transformers import TrainerCallback

    hooks = trainer.task.hooks

    class Watch(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            trainer.restore_loss()

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            trainer.epoch_ended = False
            trainer.order.epoch = int(state.epoch or 0)

        def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            trainer.epoch_ended = True

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            hooks.on_step(state.global_step, state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            logs = kwargs["logs"]
            if "loss" in logs:
                _check_loss(logs["loss"], state.global_step, logs["learning_rate"])
            hooks.on_log({**logs, "step": state.global_step})

    return Watch()


def collator(pad_id: int) -> Callable[[list[tuple[NDArray[np.int32], int, float]]], dict[str, Any]]:
    """Return a function that pads each batch to its own longest example."""
    import torch

    def collate(rows: list[tuple[NDArray[np.int32], int, float]]) -> dict[str, Any]:
        input_ids, mask = pad([ids for ids, _, _ in rows], pad_id)
        weights = [weight for _, _, weight in rows]
        return {
            "input_ids": torch.from_numpy(input_ids),
            "attention_mask": torch.from_numpy(mask),
            "labels": torch.tensor([label for _, label, _ in rows]),
            **({} if set(weights) == {1.0} else {"weights": torch.tensor(weights)}),
        }

    return collate


def _check_loss(loss: float, step: int, learning_rate: float) -> None:
    """Stop a training whose loss is NaN or infinite.

    Raises
    ------
    DivergedError
    """
    if not math.isfinite(loss):
        raise DivergedError(
            f"the loss is {'NaN' if math.isnan(loss) else 'infinite'} at step {step} (learning rate "
            f"{learning_rate:g}); lower `learning_rate`, or raise `warmup_steps`"
        )


def _set_rates(optimizer: Any, model: Any, rates: dict[str, float]) -> None:
    """Move parameters into groups of their own, whose learning rate is a multiple of the others'."""
    named = {weight: name for name, weight in model.named_parameters()}
    for group in list(optimizer.param_groups):
        moved: dict[float, list[Any]] = {}
        for weight in [weight for weight in group["params"] if named.get(weight) in rates]:
            moved.setdefault(rates[named[weight]], []).append(weight)
        taken = {id(weight) for weights in moved.values() for weight in weights}
        group["params"] = [weight for weight in group["params"] if id(weight) not in taken]
        own = {key: value for key, value in group.items() if key != "params"}
        for rate, weights in moved.items():
            optimizer.add_param_group(own | {"params": weights, "lr": own["lr"] * rate})
    optimizer.param_groups = [group for group in optimizer.param_groups if group["params"]]


def _stopped(signum: int | None, step: int, folder: Path | None) -> StoppedError:
    signum = signum or 15  # another process of the same training was told, and tells us
    kept = "" if folder is None else "; its checkpoint is written, and the same command goes on from there"
    return StoppedError(f"{'interrupted' if signum == 2 else 'terminated'} at step {step}{kept}", signum)
