"""Full fine-tuning of a checkpoint with a sequence-classification head."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.config import Checkpoint, FinetuneSettings
from featx.data import Split, TextDataset
from featx.errors import SettingsError, TrainingError
from featx.evaluation import METRICS, Predictions, measure
from featx.features.batches import pad
from featx.features.checkpoint import loading, quiet_transformers
from featx.features.memory import is_out_of_memory
from featx.features.tokens import TokenizedTexts, Tokenizer, load_config, load_tokenizer
from featx.finetune.inference import classify
from featx.finetune.preflight import check_head, check_labels

#: Schedules of the Trainer that need no settings of their own.
SCHEDULES = (
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
)


@dataclass(frozen=True)
class Finetuned:
    """A fine-tuned classifier.

    Attributes
    ----------
    model : PreTrainedModel
    tokenizer : Tokenizer
    history : tuple of dict
        The Trainer's log: loss and learning rate by step, validation metrics by epoch.
    fit_seconds : float
        Training with its evaluations; loading the checkpoint not included.
    n_truncated : int
        Texts of train that were cut at the maximum length.
    """

    model: Any
    tokenizer: Tokenizer
    history: tuple[dict[str, float], ...]
    fit_seconds: float
    n_truncated: int

    def predict(self, split: Split) -> tuple[Predictions, float]:
        """Predictions for a split, and the seconds they took, tokenising included."""
        started = time.perf_counter()
        y_score = classify(self.model, self.tokenizer, split.texts)
        seconds = time.perf_counter() - started
        return Predictions(split.labels, y_score.argmax(axis=1), y_score, split.label_names), seconds

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), configuration and tokenizer for plain ``from_pretrained``."""
        with quiet_transformers():
            self.model.save_pretrained(folder)
            self.tokenizer.hf.save_pretrained(folder)


def finetune(
    checkpoint: Checkpoint,
    dataset: TextDataset,
    settings: FinetuneSettings,
    seed: int,
    device: str,
    on_step: Callable[[int, int], None] | None = None,
) -> Finetuned:
    """Fine-tune every weight of `checkpoint` on the train split.

    Parameters
    ----------
    checkpoint : Checkpoint
    dataset : TextDataset
        Validation is measured after each epoch; test is not touched.
    settings : FinetuneSettings
    seed : int
        Of the new head, the order of the texts and dropout.
    device : str
        ``cpu``, ``cuda`` or ``mps``.
    on_step : callable, optional
        Called with steps done and steps in all.

    Raises
    ------
    SettingsError
        If a setting is out of range.
    TrainingError
        If labels and head do not fit, memory does not suffice, or the loss is no number.
    """
    from transformers import set_seed

    check_settings(settings)
    config = load_config(checkpoint)
    check_head(config, dataset.label_names, checkpoint.name)
    check_labels(dataset.splits, dataset.n_classes)
    tokenizer = load_tokenizer(checkpoint, config, settings.max_length)
    set_seed(seed)  # before loading: the new head is drawn there
    model = _load_model(checkpoint, dataset.label_names)
    tokens = {name: tokenizer(dataset.splits[name].texts) for name in ("train", "validation")}
    rows = {name: _rows(tokens[name], dataset.splits[name].labels) for name in tokens}
    started = time.perf_counter()
    history = _train(model, tokenizer, rows, dataset.label_names, settings, seed, device, on_step)
    seconds = time.perf_counter() - started
    return Finetuned(model.eval(), tokenizer, history, seconds, tokens["train"].n_truncated)


def check_settings(settings: FinetuneSettings) -> None:
    """Check that every number can be trained with.

    Raises
    ------
    SettingsError
    """
    positive = ("num_train_epochs", "learning_rate", "per_device_train_batch_size")
    for name in positive:
        value = getattr(settings, name)
        if not (value > 0 and np.isfinite(value)):
            raise SettingsError(f"{name} is {value}; expected a number above 0")
    for name in ("weight_decay", "warmup_steps"):
        value = getattr(settings, name)
        if not (value >= 0 and np.isfinite(value)):
            raise SettingsError(f"{name} is {value}; expected 0 or more")
    if settings.lr_scheduler_type not in SCHEDULES:
        raise SettingsError(
            f"lr_scheduler_type is {settings.lr_scheduler_type!r}; expected one of: {', '.join(SCHEDULES)}"
        )


def _load_model(checkpoint: Checkpoint, label_names: tuple[str, ...]) -> Any:
    import torch
    from transformers import AutoModelForSequenceClassification

    return loading(
        checkpoint,
        AutoModelForSequenceClassification.from_pretrained,
        num_labels=len(label_names),
        id2label=dict(enumerate(label_names)),
        label2id={name: i for i, name in enumerate(label_names)},
        dtype=torch.float32,
        use_safetensors=True,
    )


def _rows(tokens: TokenizedTexts, labels: NDArray[np.int64]) -> list[dict[str, Any]]:
    return [{"input_ids": tokens[row], "labels": label} for row, label in enumerate(labels.tolist())]


def _collator(pad_id: int) -> Callable[[list[dict[str, Any]]], dict[str, Any]]:
    """Pads each batch to its own longest text."""
    import torch

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        input_ids, mask = pad([row["input_ids"] for row in rows], pad_id)
        return {
            "input_ids": torch.from_numpy(input_ids),
            "attention_mask": torch.from_numpy(mask),
            "labels": torch.tensor([row["labels"] for row in rows]),
        }

    return collate


def _train(
    model: Any,
    tokenizer: Tokenizer,
    rows: Mapping[str, list[dict[str, Any]]],
    label_names: tuple[str, ...],
    settings: FinetuneSettings,
    seed: int,
    device: str,
    on_step: Callable[[int, int], None] | None,
) -> tuple[dict[str, float], ...]:
    from transformers import PrinterCallback, Trainer, TrainingArguments

    from featx.finetune.callbacks import nan_callback, progress_callback

    with tempfile.TemporaryDirectory(prefix="featx-trainer-") as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=settings.num_train_epochs,
            learning_rate=settings.learning_rate,
            per_device_train_batch_size=settings.per_device_train_batch_size,
            per_device_eval_batch_size=64,
            weight_decay=settings.weight_decay,
            warmup_steps=settings.warmup_steps,
            lr_scheduler_type=settings.lr_scheduler_type,
            eval_strategy="epoch",
            save_strategy="no",
            train_sampling_strategy="group_by_length",
            logging_strategy="steps",
            logging_steps=max(1, len(rows["train"]) // settings.per_device_train_batch_size // 4),
            logging_nan_inf_filter=False,
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=device == "cuda",
            use_cpu=device == "cpu",
            seed=seed,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=rows["train"],
            eval_dataset=rows["validation"],
            data_collator=_collator(tokenizer.pad_id),
            processing_class=tokenizer.hf,
            compute_metrics=_validation_metrics(label_names),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(nan_callback())
        if on_step:
            trainer.add_callback(progress_callback(on_step))
        try:
            trainer.train()
        except Exception as e:
            if not is_out_of_memory(e):
                raise
            raise TrainingError(
                f"out of memory with batches of {settings.per_device_train_batch_size}; lower "
                "--per-device-train-batch-size or --max-length"
            ) from e
        return tuple(trainer.state.log_history)


def _validation_metrics(label_names: tuple[str, ...]) -> Callable[[Any], dict[str, float]]:
    def compute(output: Any) -> dict[str, float]:
        y_true = np.asarray(output.label_ids, np.int64)
        predictions = Predictions(y_true, np.argmax(output.predictions, axis=1), None, label_names)
        metrics = measure(predictions)
        return {name: metrics[name] for name in METRICS if metrics[name] is not None}

    return compute
