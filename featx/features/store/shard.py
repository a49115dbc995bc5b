"""One shard: a float32 array, the digests of its texts and a manifest, committed in that order.

The name is the content's digest, so that two writers of the same rows write the same files.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.features.store.commit import write_file
from featx.features.store.manifest import DIGESTS, FEATURES, MANIFEST, FileFacts, Manifest, parse_manifest

#: Hex digits of a shard's name.
SHARD_NAME_LENGTH = 32

Digests = NDArray[np.uint64]
Features = NDArray[np.float32]


@dataclass(frozen=True)
class Shard:
    """Rows of a store.

    Attributes
    ----------
    digests : ndarray of shape (rows, 2), uint64
    features : ndarray of shape (rows, hidden_size), float32
        Read-only; a map of the file, or an array in memory when the store cannot be written.
    seconds_per_text : float
        What encoding one of its texts took, on average.
    """

    digests: Digests
    features: Features
    seconds_per_text: float = 0.0


def write_shard(folder: Path, digests: Digests, features: Features, written: dict[str, Any]) -> Path:
    """Commit a shard and return the path of its manifest.

    Raises
    ------
    OSError
        If the disk is full or cannot be written; earlier shards are as they were.
    """
    digest_bytes = np.ascontiguousarray(digests, "<u8").tobytes()
    header = _npy_header(features)
    data = np.ascontiguousarray(features, "<f4").data.cast("B")
    hashed = sha256(header)
    hashed.update(data)
    manifest = Manifest(
        rows=features.shape[0],
        hidden_size=features.shape[1],
        features=FileFacts(len(header) + len(data), hashed.hexdigest()),
        digests=FileFacts(len(digest_bytes), sha256(digest_bytes).hexdigest()),
        written=written,
    )
    name = sha256((manifest.features.sha256 + manifest.digests.sha256).encode()).hexdigest()[:SHARD_NAME_LENGTH]
    write_file(folder / (name + FEATURES), [header, data])
    write_file(folder / (name + DIGESTS), [digest_bytes])
    path = folder / (name + MANIFEST)
    write_file(path, [manifest.to_bytes()])
    return path


def open_shard(path: Path) -> Shard | None:
    """Shard whose manifest is at `path`, or None when it cannot be proven whole.

    The manifest and the digests are checked by their sha256, the array by its size and header; its every byte is
    checked by `verify_shard`.

    Raises
    ------
    StoreError
        If it was written by a newer format version.
    """
    try:
        manifest = parse_manifest(path.read_bytes(), path)
        if manifest is None:
            return None
        digest_bytes = path.with_suffix(DIGESTS).read_bytes()
        if sha256(digest_bytes).hexdigest() != manifest.digests.sha256:
            return None
        array_path = path.with_suffix(FEATURES)
        if array_path.stat().st_size != manifest.features.size:
            return None
        features = np.load(array_path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if features.shape != (manifest.rows, manifest.hidden_size) or features.dtype != np.dtype("<f4"):
        return None
    digests = np.frombuffer(digest_bytes, "<u8").astype(np.uint64).reshape(-1, 2)
    return Shard(digests, features, manifest.encode_seconds / manifest.rows)


def _npy_header(features: Features) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer,
        {"descr": "<f4", "fortran_order": False, "shape": (int(features.shape[0]), int(features.shape[1]))},
    )
    return buffer.getvalue()
