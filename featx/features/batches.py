"""Batches by token budget: texts of like length together, little padding, bounded memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Token ids of one text.
TokenIds = Sequence[int] | NDArray[np.int32]


def token_batches(lengths: NDArray[np.int64], budget: int) -> list[NDArray[np.int64]]:
    """Yield rows of each batch, longest texts first.

    Parameters
    ----------
    lengths : ndarray of shape (n_texts,), int64
        Tokens of each text.
    budget : int
        Tokens of a batch, padding included; a text that alone exceeds it makes a batch of its own.

    Returns
    -------
    list of ndarray of int64
        Every row once. The longest come first, so that memory that does not suffice shows at once.

    Examples
    --------
    >>> [batch.tolist() for batch in token_batches(np.array([3, 9, 4, 3]), budget=9)]
    [[1], [2, 0], [3]]
    """
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        size = max(1, budget // longest)
        batches.append(order[start : start + size])
        start += size
    return batches


def pad(ids: Sequence[TokenIds], pad_id: int, step: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids filled up on the right to the longest, and their attention mask.

    Parameters
    ----------
    ids : sequence of int arrays or sequences
    pad_id : int
    step : int
        The longest length is rounded up to a multiple of this.

    Returns
    -------
    input_ids, attention_mask : ndarray of shape (n_texts, longest), int64
    """
    longest = -(-max(map(len, ids)) // step) * step
    input_ids = np.full((len(ids), longest), pad_id, np.int64)
    mask = np.zeros((len(ids), longest), np.int64)
    for row, tokens in enumerate(ids):
        input_ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return input_ids, mask
