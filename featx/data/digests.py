"""Digests of texts and of labelled splits: what identifies data, whatever its file is called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b, sha256

import numpy as np
from numpy.typing import NDArray

#: 128 bits: among 10^9 texts the chance of any collision is about 10^-21.
DIGEST_BYTES = 16


def text_digest(text: str) -> bytes:
    """Return the BLAKE2b digest of a text's UTF-8 bytes, 16 bytes."""
    return blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


def text_digests(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Return the digests of many texts.

    Returns
    -------
    ndarray of shape (n_texts, 2), uint64
        Each digest as two big-endian halves in native byte order.
    """
    raw = b"".join(map(text_digest, texts))
    return np.frombuffer(raw, dtype=">u8").astype(np.uint64).reshape(-1, 2)


def split_digest(texts: Sequence[str], labels: NDArray[np.int64], label_names: Sequence[str]) -> str:
    """Return the SHA-256 over texts, labels and label names, in order.

    Two runs may be compared on a split exactly when this agrees. Every part is preceded by its length, so that
    no two different splits are written alike.
    """
    digest = sha256()
    for name in label_names:
        _update(digest, name)
    digest.update(len(texts).to_bytes(8, "little"))
    for text, label in zip(texts, labels.tolist(), strict=True):
        _update(digest, text)
        digest.update(label.to_bytes(8, "little", signed=True))
    return digest.hexdigest()


def _update(digest: object, text: str) -> None:
    raw = text.encode()
    digest.update(len(raw).to_bytes(8, "little"))  # type: ignore[attr-defined]
    digest.update(raw)  # type: ignore[attr-defined]
