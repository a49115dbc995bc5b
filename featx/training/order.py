"""The order of training texts: batches of like lengths, in an order that seed and epoch alone decide.

The Trainer's own sampler draws from torch's global generator, so a training that goes on in the middle of its second
epoch would see other batches than one that was not interrupted. Imports nothing of featx.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

#: Batches that are sorted together: more means less padding, and batches that are more alike from epoch to epoch.
_SORTED_TOGETHER = 50


class LikeLengths:
    """A sampler of rows.

    Parameters
    ----------
    lengths : ndarray of shape (n_texts,), int64
        Tokens of each text.
    batch_size : int
        Texts of a step, over all processes: these are alike in length.
    seed : int

    Attributes
    ----------
    epoch : int
        Set before each pass.
    """

    def __init__(self, lengths: NDArray[np.int64], batch_size: int, seed: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        return iter(like_lengths(self.lengths, self.batch_size, self.seed, self.epoch).tolist())


def like_lengths(lengths: NDArray[np.int64], batch_size: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return rows in an order whose consecutive slices of `batch_size` hold texts of like lengths.

    Texts are drawn at random into groups of `_SORTED_TOGETHER` batches and sorted by length inside each group; then the
    batches are shuffled. The batch with the longest text of all comes first in epoch 0, so that memory that does not
    suffice shows at once; one that is not full comes last.

    Returns
    -------
    ndarray of shape (n_texts,), int64
        Every row once.

    Examples
    --------
    >>> order = like_lengths(np.array([3, 9, 4, 3, 8]), 2, seed=0, epoch=0)
    >>> sorted(order.tolist()), sorted(order[:2].tolist())
    ([0, 1, 2, 3, 4], [1, 4])
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    group = batch_size * _SORTED_TOGETHER
    batches = []
    for start in range(0, len(order), group):
        rows = order[start : start + group]
        rows = rows[np.argsort(-lengths[rows], kind="stable")]
        batches += [rows[k : k + batch_size] for k in range(0, len(rows), batch_size)]
    last = [batch for batch in batches if len(batch) < batch_size]
    full = [batch for batch in batches if len(batch) == batch_size]
    full = [full[k] for k in rng.permutation(len(full))]
    if epoch == 0 and full:
        longest = max(range(len(full)), key=lambda k: int(lengths[full[k]].max()))
        full[0], full[longest] = full[longest], full[0]
    return np.concatenate(full + last).astype(np.int64)
