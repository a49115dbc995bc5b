"""One shard: a float32 array, a checksum for each row, the digests of its texts, and a manifest, committed last.

The name is the content's digest, so that two writers of the same rows write the same files.
"""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from featx.errors import StoreError
from featx.features.store.checks import row_checks
from featx.features.store.manifest import CHECKS, DIGESTS, FEATURES, MANIFEST, FileFacts, Manifest, parse_manifest
from featx.files import write_file

#: Hex digits of a shard's name.
SHARD_NAME_LENGTH = 32

Digests = NDArray[np.uint64]
Features = NDArray[np.float32]
Rows = NDArray[np.int64]


class Shard(Protocol):
    """Rows of a store, on disk or in memory."""

    @property
    def seconds_per_text(self) -> float:
        """What encoding one of its texts took, on average."""

    def open(self, wanted: Rows | None = None) -> AbstractContextManager[OpenShard]:
        """The rows, to be read while the context is; `wanted`, ascending, says which ones will be."""


class OpenShard(Protocol):
    """Rows of a shard that can be read."""

    def take(self, rows: Rows) -> Features:
        """Vectors of `rows`, shape (len(rows), hidden_size), float32."""

    def copy(self, rows: Rows, into: Features) -> None:
        """The same, written into a contiguous matrix."""


@dataclass(frozen=True)
class MemoryShard:
    """Rows that could not be, or are not to be, written."""

    features: Features
    seconds_per_text: float

    @contextmanager
    def open(self, wanted: Rows | None = None) -> Iterator[MemoryShard]:
        """Itself."""
        yield self

    def take(self, rows: Rows) -> Features:
        """Vectors of `rows`."""
        return self.features[as_slice(rows)]

    def copy(self, rows: Rows, into: Features) -> None:
        """Vectors of `rows`, written into a matrix."""
        into[:] = self.take(rows)


@dataclass(frozen=True)
class DiskShard:
    """Committed rows; the file is mapped while it is read, so that any number of shards can be open.

    Attributes
    ----------
    path : Path
        Of the manifest.
    manifest : Manifest
    """

    path: Path
    manifest: Manifest

    @property
    def seconds_per_text(self) -> float:
        """What encoding one of its texts took, on average."""
        return self.manifest.encode_seconds / self.manifest.rows

    @contextmanager
    def open(self, wanted: Rows | None = None) -> Iterator[_MappedShard]:
        """The rows, mapped read-only.

        Raises
        ------
        StoreError
            If the files have gone, or are not what was written.
        """
        with ExitStack() as stack:
            try:
                mapped = self._mapped(stack.enter_context(self.path.with_suffix(FEATURES).open("rb", buffering=0)))
            except (OSError, ValueError) as e:
                raise self.damaged(f"cannot be read any more ({e})") from e
            yield mapped

    def _mapped(self, file: FileIO) -> _MappedShard:
        shape = (self.manifest.rows, self.manifest.hidden_size)
        header = npy_header(*shape)
        if file.read(len(header)) != header:  # known to the byte, so it is compared, not parsed
            raise self.damaged("has another header than was written")
        features = np.memmap(file, "<f4", "r", offset=len(header), shape=shape)
        checks = np.fromfile(self.path.with_suffix(CHECKS), "<u8")
        if len(checks) != self.manifest.rows:
            raise self.damaged("has changed its size since it was opened")
        return _MappedShard(self, file, len(header), features, checks)

    def damaged(self, how: str) -> StoreError:
        """An error that says how the shard is damaged and what to do."""
        return StoreError(
            f"shard {self.path.with_suffix('')} {how}; remove it with `featx cache verify --remove`, and the same "
            "command encodes its texts again"
        )


@dataclass(frozen=True)
class _MappedShard:
    """A shard on disk while it is read."""

    shard: DiskShard
    file: FileIO
    start: int
    features: Features
    checks: NDArray[np.uint64]

    def take(self, rows: Rows) -> Features:
        """Vectors of `rows`, each compared with its checksum.

        Raises
        ------
        StoreError
            If a row is not what was written.
        """
        at = as_slice(rows)
        taken = np.asarray(self.features[at], np.float32)
        self._check(taken, at)
        return taken

    def copy(self, rows: Rows, into: Features) -> None:
        """The same, written into a contiguous matrix; rows that follow each other are read straight into it.

        Raises
        ------
        StoreError
            If a row is not what was written.
        """
        at = as_slice(rows)
        if isinstance(at, slice):  # reading spares the page faults of the map
            self.file.seek(self.start + at.start * into.shape[1] * into.itemsize)
            if self.file.readinto(into.data.cast("B")) != into.nbytes:
                raise self.shard.damaged("has changed its size since it was opened")
            self._check(into, at)
        else:
            into[:] = self.take(rows)

    def _check(self, taken: Features, at: Rows | slice) -> None:
        n_bad = int(np.count_nonzero(row_checks(taken) != self.checks[at]))
        if n_bad:
            raise self.shard.damaged(f"holds {n_bad} rows that are not what was written")


def as_slice(rows: Rows) -> Rows | slice:
    """Rows that follow each other as a slice: read without a copy of their own."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows) and np.all(np.diff(rows) == 1):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def write_shard(folder: Path, digests: Digests, features: Features, written: dict[str, Any]) -> Path:
    """Commit a shard and return the path of its manifest.

    Raises
    ------
    OSError
        If the disk is full or cannot be written; earlier shards are as they were.
    """
    files, manifest, name = shard_content(digests, features, written)
    for suffix, chunks in files.items():
        write_file(folder / (name + suffix), chunks)
    path = folder / (name + MANIFEST)
    write_file(path, [manifest.to_bytes()])
    return path


def shard_content(
    digests: Digests, features: Features, written: dict[str, Any]
) -> tuple[dict[str, list[bytes | memoryview]], Manifest, str]:
    """Files of a shard by suffix, in the order of writing, then its manifest (to be written last) and its name."""
    header = npy_header(*features.shape)
    data = np.ascontiguousarray(features, "<f4").data.cast("B")
    files: dict[str, list[bytes | memoryview]] = {
        FEATURES: [header, data],
        CHECKS: [row_checks(features).astype("<u8").data.cast("B")],
        DIGESTS: [np.ascontiguousarray(digests, "<u8").data.cast("B")],
    }
    facts = {suffix: _facts(chunks) for suffix, chunks in files.items()}
    rows, hidden_size = features.shape
    manifest = Manifest(rows, hidden_size, facts[FEATURES], facts[CHECKS], facts[DIGESTS], written)
    name = sha256((facts[FEATURES].sha256 + facts[DIGESTS].sha256).encode()).hexdigest()[:SHARD_NAME_LENGTH]
    return files, manifest, name


def open_shard(path: Path) -> tuple[DiskShard, Digests] | None:
    """Shard whose manifest is at `path`, and its digests; None when it cannot be proven whole.

    Manifest and digests are checked by their sha256, the array and its checksums by their sizes; rows are checked
    as they are read.

    Raises
    ------
    StoreError
        If it was written by a newer format version.
    """
    try:
        manifest = parse_manifest(path.read_bytes(), path)
        if manifest is None:
            return None
        for suffix, facts in ((FEATURES, manifest.features), (CHECKS, manifest.checks), (DIGESTS, manifest.digests)):
            found = path.with_suffix(suffix).lstat()  # a symbolic link could lead out of the store
            if not stat.S_ISREG(found.st_mode) or found.st_size != facts.size:
                return None
        digest_bytes = path.with_suffix(DIGESTS).read_bytes()
        if sha256(digest_bytes).hexdigest() != manifest.digests.sha256:
            return None
    except OSError:
        return None
    return DiskShard(path, manifest), np.frombuffer(digest_bytes, "<u8").astype(np.uint64).reshape(-1, 2)


def _facts(chunks: list[bytes | memoryview]) -> FileFacts:
    digest, size = sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return FileFacts(size, digest.hexdigest())


def npy_header(rows: int, hidden_size: int) -> bytes:
    """What a ``.npy`` file of this shape begins with, so that plain `numpy.load` reads a shard too."""
    buffer = io.BytesIO()
    shape = (int(rows), int(hidden_size))
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue()
