"""The Transformers `Trainer` with featx's own order of texts, evaluation, best epoch and checkpoints.

What is not overridden here is the Trainer's: the loop, the optimiser, the schedule, accumulation, clipping, mixed
precision and many processes. May import the token side of ``features``, ``evaluation``, ``config`` and ``errors``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import DivergedError
from featx.evaluation import (
    METRICS,
    Predictions,
    f1_macro_standard_error,
    measure,
    temperature_scaled_log_loss,
)
from featx.features.batches import pad
from featx.features.tokens import TokenizedTexts
from featx.settings import SELECTION_METRIC, SavingSettings
from featx.training.best import BestEpoch
from featx.training.checkpoints import Saved
from featx.training.inference import scores_of_tokens
from featx.training.order import LikeLengths
from featx.training.processes import rank, summed, world_size
from featx.training.resumable import Resumable
from featx.training.signals import Interrupts

#: Names in the log of what the search chooses by beside the score.
STANDARD_ERROR, SCALED_LOG_LOSS = "eval_f1_macro_standard_error", "eval_temperature_scaled_log_loss"


@dataclass(frozen=True)
class Labelled:
    """Tokens of the texts of a split, and their labels, shape (n_texts,), int64."""

    tokens: TokenizedTexts
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[NDArray[np.int32], int]:
        return self.tokens[row], int(self.labels[row])


@dataclass
class TrainingTask:
    """What a training needs beyond the Trainer's arguments.

    Attributes
    ----------
    validation : Labelled
    label_names : tuple of str
    pad_id : int
    best : BestEpoch
    patience : int or None
        See `FinetuneSettings.early_stopping_patience`.
    saving : SavingSettings
    folder : Path or None
        For checkpoints; None writes none.
    interrupts : Interrupts
    on_log, on_evaluation : callable
        Called with each entry of the log, and with epoch and `SELECTION_METRIC`; the latter may raise to end the
        training.
    head_rate : mapping of parameter name to float
        Factors on the learning rate of single parameters.
    seconds : float
        Already spent before this process took over.
    """

    validation: Labelled
    label_names: tuple[str, ...]
    pad_id: int
    best: BestEpoch
    patience: int | None
    saving: SavingSettings
    folder: Path | None
    interrupts: Interrupts
    on_log: Callable[[dict[str, Any]], None]
    on_evaluation: Callable[[float, float], None]
    head_rate: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    resumed: Saved | None = None


def collator(pad_id: int) -> Callable[[list[tuple[NDArray[np.int32], int]]], dict[str, Any]]:
    """Pads each batch to its own longest text."""
    import torch

    def collate(rows: list[tuple[NDArray[np.int32], int]]) -> dict[str, Any]:
        input_ids, mask = pad([ids for ids, _ in rows], pad_id)
        return {
            "input_ids": torch.from_numpy(input_ids),
            "attention_mask": torch.from_numpy(mask),
            "labels": torch.tensor([label for _, label in rows]),
        }

    return collate


class _Additions(Resumable):
    """What goes on top of the Trainer."""

    control: Any

    def __init__(self, task: TrainingTask, **settings: Any) -> None:
        self.task = task
        self.order: LikeLengths | None = None
        self.begin()
        super().__init__(**settings)

    # The order of the texts.

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        together = self.args.train_batch_size * self.args.gradient_accumulation_steps * world_size()
        self.order = LikeLengths(self.train_dataset.tokens.lengths, together, self.args.seed)
        return self.order

    # Steps.

    def create_optimizer(self, model: Any = None) -> Any:
        optimizer = super().create_optimizer(model)
        if self.task.head_rate:
            _set_rates(optimizer, self.model, self.task.head_rate)
        return optimizer

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().training_step(*args, **kwargs)
        # Elsewhere a look at the number would wait for the device; several processes must stop at one step.
        if loss.device.type == "cpu" and world_size() == 1:
            check_loss(loss.item(), self.state.global_step + 1, self._get_learning_rate())
        return loss

    def floating_point_ops(self, inputs: Any) -> int:
        return 0  # the Trainer counts all parameters anew for each batch

    # Evaluation.

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval") -> Any:
        task, state = self.task, self.state
        y_score = self._scores_of_validation()
        y_true = task.validation.labels
        made = Predictions(y_true, y_score.argmax(axis=1), y_score, task.label_names)
        measured = measure(made)
        metrics = {f"eval_{name}": measured[name] for name in METRICS}
        metrics[STANDARD_ERROR] = f1_macro_standard_error(made)
        metrics[SCALED_LOG_LOSS] = temperature_scaled_log_loss(made)
        metrics["eval_loss"] = measured["log_loss"]
        self.log(dict(metrics))
        score = float(measured[SELECTION_METRIC])
        task.best.see(score, metrics[STANDARD_ERROR], state.epoch or 0.0, state.global_step, self.model)
        if task.patience is not None and task.best.without_gain >= task.patience:
            self.control.should_training_stop = True
        self.control = self.callback_handler.on_evaluate(self.args, state, self.control, metrics)
        task.on_evaluation(state.epoch or 0.0, score)
        return metrics

    def _scores_of_validation(self) -> NDArray[np.float64]:
        """Each process scores its share of the texts."""
        import torch

        tokens, shares = self.task.validation.tokens, world_size()
        mine = np.arange(rank(), len(tokens), shares)
        y_score = np.zeros((len(tokens), len(self.task.label_names)))
        y_score[mine] = scores_of_tokens(self.model, tokens, self.task.pad_id, rows=mine)
        if shares == 1:
            return y_score
        # float32: MPS has no other, and float64 would not be kept by all back ends.
        whole = summed(torch.from_numpy(y_score.astype(np.float32)).to(self.args.device)).cpu().numpy()
        return np.asarray(whole / whole.sum(axis=1, keepdims=True), np.float64)


@cache
def trainer_class() -> type[Any]:
    """The Trainer with `_Additions`; made on first use, since Transformers is slow to import."""
    from transformers import Trainer

    return type("FeatxTrainer", (_Additions, Trainer), {})


def check_loss(loss: float, step: int, learning_rate: float) -> None:
    """Stop a training whose loss is no number.

    Raises
    ------
    DivergedError
    """
    if not math.isfinite(loss):
        raise DivergedError(
            f"the loss is no number at step {step} (learning_rate {learning_rate:g}); lower --learning-rate, or raise "
            "--warmup-steps"
        )


def _set_rates(optimizer: Any, model: Any, rates: dict[str, float]) -> None:
    """Move parameters into groups of their own, whose learning rate is a multiple of the others'."""
    named = {weight: name for name, weight in model.named_parameters()}
    for group in list(optimizer.param_groups):
        for weight in [w for w in group["params"] if named.get(w) in rates]:
            group["params"] = [w for w in group["params"] if w is not weight]
            own = {key: value for key, value in group.items() if key != "params"}
            optimizer.add_param_group(own | {"params": [weight], "lr": own["lr"] * rates[named[weight]]})
    optimizer.param_groups = [group for group in optimizer.param_groups if group["params"]]
