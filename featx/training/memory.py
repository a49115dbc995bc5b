"""The batch that would fit where memory does not suffice. May import the token side of ``features``."""

from __future__ import annotations

from typing import Any

import numpy as np

from featx.features.memory import is_out_of_memory
from featx.settings import FinetuneSettings
from featx.training.preflight import can_recompute


def memory_advice(trainer: Any, settings: FinetuneSettings, error: BaseException) -> str:
    """Return one line that says which batch size fits, found by trying halves on the longest texts of train.

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
        return f"out of memory with batches of {size}, and with one text alone; lower `max_length`, or train on the CPU"
    can_help = can_recompute(trainer.model) and not settings.gradient_checkpointing
    recompute = "`gradient_checkpointing` or a lower `max_length` help" if can_help else "a lower `max_length` helps"
    return (
        f"out of memory with batches of {size}; batches of {fitting} fit: `per_device_train_batch_size` {fitting} with "
        f"`gradient_accumulation_steps` {accumulated * (size // fitting)} is the same effective batch ({recompute} as "
        "well)"
    )


def _smaller(size: int) -> list[int]:
    """Return the divisors of `size` from its half downwards: 16 to 8, 4, 2, 1.

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
    """Return whether a step forward and back of the `size` longest texts goes through."""
    import torch

    trainer.model.zero_grad()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        trainer.try_step(np.argsort(-trainer.train_dataset.tokens.lengths, kind="stable")[:size])
    except Exception as e:
        if not is_out_of_memory(e):
            raise
        return False
    finally:
        trainer.model.zero_grad()
    return True
