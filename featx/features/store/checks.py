"""A checksum for each row, fast enough to be compared whenever a row is read.

The exclusive-or of a row's words, combined with their sum turned by half a word: any flipped bit changes it, and so do
zeroed or foreign pages. It does not depend on the order of the words. The digest of the row's text goes in too: the row
of another text does not pass, though its own checksum came with it, and neither do zeros beside zeros. The sha256 of
whole files, which is far slower, is left to ``featx cache verify``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def row_checks(features: NDArray[np.float32], digests: NDArray[np.uint64] | None) -> NDArray[np.uint64]:
    """Return the checksum of each row, shape (n,), uint64.

    Parameters
    ----------
    features : ndarray of shape (n, hidden_size), float32
    digests : ndarray of shape (n, 2), uint64, or None
        Of the rows' texts; None for shards of version 0.1, whose checksums are of the rows alone.
    """
    rows = np.ascontiguousarray(features, "<f4")
    words = rows.view("<u8" if rows.shape[1] % 2 == 0 else "<u4")
    folded = np.bitwise_xor.reduce(words, axis=1).astype(np.uint64)
    summed = np.add.reduce(words, axis=1, dtype=np.uint64)
    half = np.uint64(32)
    checks = np.asarray(folded ^ (summed << half | summed >> half), np.uint64)
    return checks if digests is None else checks ^ digests[:, 0] ^ digests[:, 1]
