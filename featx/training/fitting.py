"""Training of what was prepared, from its start or from a checkpoint, to a `Finetuned`.

May import ``errors``, ``settings``, ``data`` and the token side of ``features``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from featx.data import TextDataset
from featx.errors import TrainingError
from featx.features.checkpoint import quiet_transformers
from featx.features.memory import is_out_of_memory
from featx.features.tokens import TokenizedTexts
from featx.settings import Checkpoint, FinetuneSettings, SavingSettings, one_long
from featx.training.arguments import training_arguments
from featx.training.best import BestEpoch, put_weights
from featx.training.checkpoints import Saved, last_complete
from featx.training.finetuned import Finetuned
from featx.training.head import LinearHead
from featx.training.hooks import Hooks
from featx.training.layers import merged
from featx.training.loss import class_weights, loss_function
from featx.training.memory import memory_advice
from featx.training.preflight import check_disk
from featx.training.preparing import Prepared, prepare
from featx.training.trainer import TRAINER_STATE, TrainingTask, collator, trainer_class
from featx.training.validating import SCORE


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

    See `prepare` and `fit`, which it calls.
    """
    hooks = hooks or Hooks()
    prepared = prepare(checkpoint, dataset, settings, seed, device, hooks.say, head, tokens)
    return fit(prepared, hooks, saving, folder)


def fit(
    prepared: Prepared, hooks: Hooks | None = None, saving: SavingSettings | None = None, folder: Path | None = None
) -> Finetuned:
    """Train the model of `prepared` in place; keep the best epoch on validation.

    Parameters
    ----------
    prepared : Prepared
        Of its settings ``seeds`` is not looked at, and of ``search`` only whether this is one of its trials: then the
        latest of the best epochs is kept (`BestEpoch`).
    hooks : Hooks, optional
    saving : SavingSettings, optional
    folder : Path, optional
        For checkpoints of this very training and no other; none are written without it.

    Raises
    ------
    TrainingError
        If memory or disk do not suffice, the loss is NaN, or a checkpoint cannot be gone on from.
    StoppedError
        If a signal came; a checkpoint is written before.
    """
    hooks, saving = hooks or Hooks(), saving or SavingSettings()
    if folder is not None:
        check_disk(folder, prepared.model, saving)
    resumed = _resumed(folder, saving, hooks)
    task = TrainingTask(prepared, hooks, _best(prepared.settings, resumed), saving, folder, resumed)
    log, last_epoch, seconds = _finished(task) or _trained(task)
    if task.best.weights is not None:
        put_weights(prepared.model, task.best.weights)
    return Finetuned(
        merged(prepared.model).eval(),
        prepared.tokenizer,
        tuple(_history(log)),
        seconds,
        prepared.n_truncated,
        task.best.epoch,
        task.best.score,
        last_epoch,
        None if resumed is None else resumed.step,
        one_long(prepared.settings.long),
    )


def _resumed(folder: Path | None, saving: SavingSettings, hooks: Hooks) -> Saved | None:
    if folder is None or not saving.resume:
        return None
    saved, damaged = last_complete(folder)
    for name in damaged:
        hooks.say(f"{folder / name} is not complete and is not used")
    if saved is not None:
        hooks.say(f"going on from step {saved.step}: {saved.folder}")
    return saved


def _best(settings: FinetuneSettings, resumed: Saved | None) -> BestEpoch:
    best = BestEpoch(latest=settings.search > 0)
    if resumed is not None:
        with resumed.used():
            facts = resumed.state["best"]
            name = {-1: None, resumed.step: "weights"}.get(facts["step"], "best")
            best.restore(facts, None if name is None else resumed.tensors(name))
    return best


#: The Trainer's log, passes over train, and seconds.
_Outcome = tuple[list[dict[str, Any]], float, float]


def _finished(task: TrainingTask) -> _Outcome | None:
    """Tell the hooks what earlier processes logged; return their outcome if they came to the end."""
    from transformers import TrainerState

    if task.resumed is None:
        return None
    with task.resumed.used():
        state = TrainerState.load_from_json(str(task.resumed.folder / TRAINER_STATE))
        entries = _history(state.log_history)
        told = [(entry["epoch"], entry[SCORE]) if SCORE in entry else None for entry in entries]
        outcome = state.log_history, float(state.epoch or 0), float(task.resumed.state["seconds"])
        finished = bool(task.resumed.state["finished"])
    for entry, evaluation in zip(entries, told, strict=True):
        task.hooks.on_log(entry)
        if evaluation is not None:
            task.hooks.on_evaluation(*evaluation)
    return outcome if finished else None


def _trained(task: TrainingTask) -> _Outcome:
    """Train to the end."""
    prepared, resumed = task.prepared, task.resumed
    settings, train, model = prepared.settings, prepared.train, prepared.model
    counts = np.bincount(train.labels, minlength=len(prepared.label_names))
    with tempfile.TemporaryDirectory(prefix="featx-trainer-") as scratch, quiet_transformers():
        evaluate_first = prepared.starts_from_probe and resumed is None
        trainer = trainer_class()(
            task,
            model=model,
            args=training_arguments(scratch, settings, prepared.seed, prepared.device, len(train), evaluate_first),
            train_dataset=train,
            eval_dataset=prepared.validation,
            data_collator=collator(prepared.tokenizer.pad_id),
            compute_loss_func=loss_function(
                class_weights(settings.class_weights, counts), settings.label_smoothing_factor
            ),
        )
        try:
            with task.hooks.interrupts.deferred():
                trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed.folder))
        except Exception as e:
            if not is_out_of_memory(e):
                raise
            failed: Exception = e
        else:
            # Mixed precision wraps the model's forward; what is kept must compute as the saved weights will.
            trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
            return trainer.state.log_history, float(trainer.state.epoch or 0), trainer.seconds
        advice = memory_advice(trainer, settings, failed)
        raise TrainingError(advice) from failed


def _history(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the log without the Trainer's closing summary, which repeats what timings say."""
    return [entry for entry in log if "loss" in entry or "eval_loss" in entry]
