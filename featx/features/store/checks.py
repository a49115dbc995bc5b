"""A checksum for each row, fast enough to be compared whenever a row is read.

The exclusive-or of a row's words, combined with their sum turned by half a word: any flipped bit changes it, and so do
zeroed or foreign pages. It does not depend on the order of the words. The digest of the row's text and the name of its
spec go in too: the row of another text or of another layer does not pass, though its own checksum came with it, and
neither do zeros beside zeros. The sha256 of
whole files, which is far slower, is left to ``featx cache verify``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def row_checks(
    features: NDArray[np.float32], digests: NDArray[np.uint64] | None = None, spec: str | None = None
) -> NDArray[np.uint64]:
    """Return the checksum of each row, shape (n,), uint64.

    Parameters
    ----------
    features : ndarray of shape (n, hidden_size), float32
    digests : ndarray of shape (n, 2), uint64, optional
        Of the rows' texts.
    spec : str, optional
        Name of the features, 64 hex digits. Without both, the checksums are those of version 0.1, of the rows alone.
    """
    rows = np.ascontiguousarray(features, "<f4")
    words = rows.view("<u8" if rows.shape[1] % 2 == 0 else "<u4")
    folded = np.bitwise_xor.reduce(words, axis=1).astype(np.uint64)
    summed = np.add.reduce(words, axis=1, dtype=np.uint64)
    half = np.uint64(32)
    checks = np.asarray(folded ^ (summed << half | summed >> half), np.uint64)
    if digests is None or spec is None:
        return checks
    return checks ^ digests[:, 0] ^ digests[:, 1] ^ np.uint64(int(spec[:16], 16))
