"""Out of memory halves the batch and goes on, down to one text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Rows = NDArray[np.int64]

#: What the allocators say where they have no exception of their own.
_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")


class TextTooLargeError(Exception):
    """One text alone does not fit into memory.

    Attributes
    ----------
    row : int
    """

    def __init__(self, row: int) -> None:
        super().__init__(f"row {row} does not fit into memory")
        self.row = row


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether `error` says that an allocation failed, on the CPU, CUDA or MPS."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)
    )


def halving(rows: Rows, work: Callable[[Rows], T]) -> Iterator[tuple[Rows, T]]:
    """Yield `work` on `rows`, in as many parts as memory makes necessary.

    Yields
    ------
    part, result : ndarray of int64, T
        Parts in order; together they are `rows`.

    Raises
    ------
    TextTooLargeError
        If one row alone is too large.
    """
    parts = [rows]
    while parts:
        part = parts.pop()
        try:
            result = work(part)
        except Exception as e:
            if not is_out_of_memory(e):
                raise
            if len(part) == 1:
                raise TextTooLargeError(int(part[0])) from e
        else:
            yield part, result
            continue
        # Outside of the handler: the exception holds the frames, and they the tensors that filled the memory.
        _release()
        middle = len(part) // 2
        parts += [part[middle:], part[:middle]]


def _release() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
