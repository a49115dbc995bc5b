"""What to do when memory does not suffice: the batch that would fit. May import the token side of ``features``."""

from __future__ import annotations

from typing import Any

import numpy as np

from featx.features.memory import is_out_of_memory
from featx.settings import FinetuneSettings


def memory_advice(trainer: Any, settings: FinetuneSettings, error: BaseException) -> str:
    """One line that says which batch size fits, found by trying halves on the longest texts of train.

    The effective batch stays the same: what the batch loses, accumulation gains.

    Parameters
    ----------
    trainer : FeatxTrainer
        After `error`; its gradients are dropped.
    settings : FinetuneSettings
    error : BaseException
        Holds the frames, and they the tensors that filled the memory, so its traceback is dropped.
    """
    error.__traceback__ = None
    size, accumulated = settings.per_device_train_batch_size, settings.gradient_accumulation_steps
    fitting = next((part for part in _smaller(size) if _fits(trainer, part)), None)
    if fitting is None:
        return f"out of memory with batches of {size}, and with one text alone; lower --max-length, or train on the CPU"
    return (
        f"out of memory with batches of {size}; batches of {fitting} fit: --per-device-train-batch-size {fitting} "
        f"--gradient-accumulation-steps {accumulated * (size // fitting)} is the same effective batch "
        "(--gradient-checkpointing or a lower --max-length help as well)"
    )


def _smaller(size: int) -> list[int]:
    """Divisors of `size` from its half downwards: 16 to 8, 4, 2, 1.

    Examples
    --------
    >>> _smaller(16), _smaller(6), _smaller(7)
    ([8, 4, 2, 1], [3, 1], [1])
    """
    found = [size // 2] if size % 2 == 0 else [1]
    while found[-1] > 1:
        found.append(found[-1] // 2 if found[-1] % 2 == 0 else 1)
    return found if size > 1 else []


def _fits(trainer: Any, size: int) -> bool:
    """Whether a step forth and back of the `size` longest texts goes through."""
    import torch

    trainer.model.zero_grad()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    train = trainer.train_dataset
    longest = np.argsort(-train.tokens.lengths, kind="stable")[:size]
    batch = trainer._prepare_inputs(trainer.data_collator([train[int(row)] for row in longest]))
    try:
        trainer.model.train()
        labels = batch.pop("labels")
        trainer.compute_loss_func(trainer.model(**batch), labels).backward()
    except Exception as e:
        if not is_out_of_memory(e):
            raise
        return False
    finally:
        trainer.model.zero_grad()
    return True
