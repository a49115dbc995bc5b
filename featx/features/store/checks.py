"""A checksum for each row, fast enough to be compared whenever a row is read.

The exclusive-or of a row's words, combined with their sum turned by half a word: any flipped bit changes it, and so do
zeroed or foreign pages. It does not depend on the order of the words. The sha256 of whole files, which is far slower,
is left to ``featx cache verify``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def row_checks(features: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Checksum of each row, shape (n,), uint64.

    Parameters
    ----------
    features : ndarray of shape (n, hidden_size), float32
    """
    rows = np.ascontiguousarray(features, "<f4")
    words = rows.view("<u8" if rows.shape[1] % 2 == 0 else "<u4")
    folded = np.bitwise_xor.reduce(words, axis=1).astype(np.uint64)
    summed = np.add.reduce(words, axis=1, dtype=np.uint64)
    half = np.uint64(32)
    return np.asarray(folded ^ (summed << half | summed >> half), np.uint64)
