"""Fine-tuning of a checkpoint with a sequence-classification head.

`finetune` loads and checks; `_train` works on what it made. May import ``errors``, ``config``, ``data``,
``evaluation`` and the token side of ``features``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from featx.data import Split, TextDataset
from featx.errors import TrainingError
from featx.evaluation import Predictions
from featx.features.checkpoint import quiet_transformers
from featx.features.memory import is_out_of_memory
from featx.features.tokens import TokenizedTexts, Tokenizer, load_config, load_tokenizer
from featx.settings import SELECTION_METRIC, Checkpoint, Dtype, FinetuneMethod, FinetuneSettings, SavingSettings
from featx.training.best import BestEpoch, put_weights
from featx.training.checkpoints import Saved, last_complete
from featx.training.checks import check_settings
from featx.training.head import LinearHead, place_head
from featx.training.inference import classify
from featx.training.loss import class_weights, loss_function
from featx.training.memory import memory_advice
from featx.training.model import freeze_layers, load_model, merged, with_adapters
from featx.training.preflight import check_classes, check_disk, check_head, check_kind, check_labels, notes_on
from featx.training.processes import world_size
from featx.training.resumable import TRAINER_STATE
from featx.training.signals import Interrupts
from featx.training.trainer import Labelled, TrainingTask, collator, trainer_class

#: Entries of the log for the loss, an epoch.
_LOGS_AN_EPOCH = 10
#: Texts of train that a head from a probe is checked with.
_CHECKED_TEXTS = 8


@dataclass(frozen=True)
class Finetuned:
    """A fine-tuned classifier: that of the best epoch on validation.

    Attributes
    ----------
    model : PreTrainedModel
    tokenizer : Tokenizer
    history : tuple of dict
        The Trainer's log: loss and learning rate by step, validation metrics by epoch.
    fit_seconds : float
        Training with its evaluations, of all processes that had a part in it one after the other; loading the
        checkpoint not included.
    n_truncated : mapping of split name to int
        Texts that were cut at the maximum length.
    best_epoch, best_score : float
        Passes over train at the evaluation that is kept, and its `SELECTION_METRIC` on validation.
    last_epoch : float
        Passes over train in all.
    resumed_step : int or None
        Where it went on from.
    """

    model: Any
    tokenizer: Tokenizer
    history: tuple[dict[str, Any], ...]
    fit_seconds: float
    n_truncated: Mapping[str, int]
    best_epoch: float
    best_score: float
    last_epoch: float
    resumed_step: int | None = None

    def predict(self, split: Split) -> tuple[Predictions, float]:
        """Predictions for a split in float32, and the seconds they took, tokenising included."""
        started = time.perf_counter()
        y_score = classify(self.model, self.tokenizer, split.texts)
        seconds = time.perf_counter() - started
        return Predictions(split.labels, y_score.argmax(axis=1), y_score, split.label_names), seconds

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), configuration and tokenizer for plain ``from_pretrained``.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        from safetensors import SafetensorError

        try:
            with quiet_transformers():
                self.model.save_pretrained(folder)
                self.tokenizer.hf.save_pretrained(folder)
        except SafetensorError as e:
            raise OSError(str(e)) from e


@dataclass(frozen=True)
class Hooks:
    """What a caller wants to be told while a training runs.

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


def finetune(
    checkpoint: Checkpoint,
    dataset: TextDataset,
    settings: FinetuneSettings,
    seed: int,
    device: str,
    hooks: Hooks | None = None,
    head: LinearHead | None = None,
    saving: SavingSettings | None = None,
    folder: Path | None = None,
    tokens: dict[str, TokenizedTexts] | None = None,
) -> Finetuned:
    """Fine-tune `checkpoint` on the train split; keep the best epoch on validation.

    Parameters
    ----------
    checkpoint : Checkpoint
    dataset : TextDataset
        Test is not touched.
    settings : FinetuneSettings
        ``seeds`` is not looked at, and of ``search`` only whether this is one of its trials: then the latest of the
        best epochs is kept (`BestEpoch`).
    seed : int
        Of the new head, the order of the texts and dropout.
    device : str
        ``cpu``, ``cuda`` or ``mps``.
    hooks : Hooks, optional
    head : LinearHead, optional
        Starting point of the head, for the method ``lp``; the evaluation before the first step counts as epoch 0.
    saving : SavingSettings, optional
    folder : Path, optional
        For checkpoints of this very training and no other; none are written without it.
    tokens : dict of split name to TokenizedTexts, optional
        Of the same texts, checkpoint and maximum length; splits that it lacks are put in, for the next training.

    Raises
    ------
    SettingsError
        If a setting is out of range.
    CheckpointError
        If the checkpoint is no text encoder.
    TrainingError
        If labels and head do not fit, memory or disk do not suffice, or the loss is no number.
    StoppedError
        If a signal came; a checkpoint is written before.
    """
    from transformers import set_seed

    hooks, saving = hooks or Hooks(), saving or SavingSettings()
    check_settings(settings, device)
    config = load_config(checkpoint)
    check_kind(config, checkpoint.name)
    check_head(config, dataset.label_names, checkpoint.name)
    check_labels(dataset.splits, dataset.n_classes)
    check_classes(dataset.train)
    tokenizer = load_tokenizer(checkpoint, config, settings.max_length)
    set_seed(seed)  # before loading: the new head is drawn there
    model = load_model(checkpoint, dataset.label_names)
    tokens = {} if tokens is None else tokens
    for name in ("train", "validation"):
        if name not in tokens:
            tokens[name] = tokenizer(dataset.splits[name].texts)
    n_truncated = {name: part.n_truncated for name, part in tokens.items()}
    rates = _prepared(model, settings, head, tokens["train"])
    if settings.method is FinetuneMethod.LORA:
        model = with_adapters(model, settings)
    if folder is not None:
        check_disk(folder, model, saving)
    for note in notes_on(dataset.splits, n_truncated, tokenizer.max_length):
        hooks.say(note)
    resumed = _resumed(folder, saving, hooks.say)
    task = TrainingTask(
        validation=Labelled(tokens["validation"], dataset.validation.labels),
        label_names=dataset.label_names,
        pad_id=tokenizer.pad_id,
        best=_best(settings, resumed),
        patience=settings.early_stopping_patience,
        saving=saving,
        folder=folder,
        interrupts=hooks.interrupts,
        on_log=hooks.on_log,
        on_evaluation=hooks.on_evaluation,
        head_rate=rates,
        seconds=0.0 if resumed is None else resumed.state["seconds"],
        resumed=resumed,
    )
    history, last_epoch, seconds = _train(
        model, Labelled(tokens["train"], dataset.train.labels), task, settings, seed, device, head is not None, hooks
    )
    if task.best.weights is not None:
        put_weights(model, task.best.weights)
    return Finetuned(
        merged(model).eval(),
        tokenizer,
        history,
        seconds,
        n_truncated,
        task.best.epoch,
        task.best.score,
        last_epoch,
        None if resumed is None else resumed.step,
    )


def _prepared(
    model: Any, settings: FinetuneSettings, head: LinearHead | None, tokens: TokenizedTexts
) -> dict[str, float]:
    """Freeze and place the head; factors on the learning rate of single parameters."""
    rates = {}
    if head is not None:
        rates = place_head(model, head, [tokens[row] for row in range(min(_CHECKED_TEXTS, len(tokens)))])
    freeze_layers(model, settings.freeze_layers)
    return rates


def _resumed(folder: Path | None, saving: SavingSettings, say: Callable[[str], None]) -> Saved | None:
    if folder is None or not saving.resume:
        return None
    saved, damaged = last_complete(folder)
    for name in damaged:
        say(f"{folder / name} is not complete and is not used")
    if saved is not None:
        say(f"going on from step {saved.step}: {saved.folder}")
    return saved


def _best(settings: FinetuneSettings, resumed: Saved | None) -> BestEpoch:
    best = BestEpoch(latest=settings.search > 0)
    if resumed is not None:
        facts = resumed.state["best"]
        names = {-1: None, resumed.step: "weights"}
        name = names.get(facts["step"], "best")
        best.restore(facts, None if name is None else resumed.tensors(name))
    return best


def _train(
    model: Any,
    train: Labelled,
    task: TrainingTask,
    settings: FinetuneSettings,
    seed: int,
    device: str,
    evaluate_first: bool,
    hooks: Hooks,
) -> tuple[tuple[dict[str, Any], ...], float, float]:
    """Train `model`; the log, the last epoch and the seconds it took."""
    from transformers import PrinterCallback, TrainerState

    from featx.training.callbacks import callbacks

    resumed = task.resumed
    if resumed is not None:
        state = TrainerState.load_from_json(str(resumed.folder / TRAINER_STATE))
        _tell_again(state.log_history, hooks)
        if resumed.state["finished"]:
            return tuple(_history(state.log_history)), float(state.epoch or 0), task.seconds
    with tempfile.TemporaryDirectory(prefix="featx-trainer-") as scratch, quiet_transformers():
        arguments = _arguments(scratch, settings, seed, device, len(train), evaluate_first and resumed is None)
        trainer = trainer_class()(
            task,
            model=model,
            args=arguments,
            train_dataset=train,
            eval_dataset=task.validation,
            data_collator=collator(task.pad_id),
            compute_loss_func=loss_function(
                class_weights(settings.class_weights, np.bincount(train.labels, minlength=len(task.label_names))),
                settings.label_smoothing_factor,
            ),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(callbacks(trainer, hooks.on_step))
        try:
            with hooks.interrupts.deferred():
                trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed.folder))
        except Exception as e:
            if not is_out_of_memory(e):
                raise
            failed: Exception = e
        else:
            # Mixed precision wraps the model's forward; what is kept must compute as the saved weights will.
            trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
            return tuple(_history(trainer.state.log_history)), float(trainer.state.epoch or 0), trainer.seconds
        advice = memory_advice(trainer, settings, failed)
        raise TrainingError(advice) from failed


def _tell_again(log: list[dict[str, Any]], hooks: Hooks) -> None:
    """Tell the hooks what an earlier process has logged."""
    for entry in _history(log):
        hooks.on_log(entry)
        if f"eval_{SELECTION_METRIC}" in entry:
            hooks.on_evaluation(entry["epoch"], entry[f"eval_{SELECTION_METRIC}"])


def _arguments(
    scratch: str, settings: FinetuneSettings, seed: int, device: str, n_texts: int, evaluate_first: bool
) -> Any:
    from dataclasses import fields

    from transformers import TrainingArguments

    texts_a_step = settings.per_device_train_batch_size * settings.gradient_accumulation_steps * world_size()
    known = {f.name for f in fields(TrainingArguments)}
    recompute: Any = "activation_checkpointing" if "activation_checkpointing" in known else "gradient_checkpointing"
    arguments = TrainingArguments(
        output_dir=scratch,
        num_train_epochs=settings.num_train_epochs,
        max_steps=settings.max_steps,
        learning_rate=settings.learning_rate,
        per_device_train_batch_size=settings.per_device_train_batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        weight_decay=settings.weight_decay,
        adam_beta1=settings.adam_beta1,
        adam_beta2=settings.adam_beta2,
        adam_epsilon=settings.adam_epsilon,
        max_grad_norm=settings.max_grad_norm,
        warmup_steps=settings.warmup_steps,
        lr_scheduler_type=settings.lr_scheduler_type,
        optim=settings.optim,
        bf16=settings.dtype is Dtype.BFLOAT16,
        fp16=settings.dtype is Dtype.FLOAT16,
        eval_strategy="epoch",
        eval_on_start=evaluate_first,
        save_strategy="no",
        logging_strategy="steps",
        logging_steps=settings.logging_steps or max(1, -(-n_texts // texts_a_step) // _LOGS_AN_EPOCH),
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=device == "cuda",
        use_cpu=device == "cpu",
        ddp_backend="gloo" if device == "cpu" and world_size() > 1 else None,
        ddp_find_unused_parameters=False if world_size() > 1 else None,
        seed=seed,
        **dict[str, Any]({recompute: settings.gradient_checkpointing}),
    )
    if world_size() == 1 and arguments.n_gpu > 1:
        arguments._n_gpu = 1  # several GPUs are for torchrun; in one process they would split every batch
    return arguments


def _history(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The log without the Trainer's closing summary, which repeats what timings say."""
    return [entry for entry in log if "loss" in entry or "eval_loss" in entry]
