"""`Place`: a folder on disk (`disk.py`) or a prefix of an object store (`bucket.py`), as the store sees it.

A place holds files by name and can do a few things with them. What a shard is, which shards are whole and what may be
removed is the same for all places, and is written once, in terms of these (`shard.py`, `maintenance.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from featx.settings import CachePlace

Digests = NDArray[np.uint64]
Features = NDArray[np.float32]
Rows = NDArray[np.int64]
#: Content of a file, in parts.
Chunks = Iterable[bytes | memoryview]


CHANGED_SIZE = "has changed its size since it was opened"


@dataclass(frozen=True)
class Entry:
    """A file of a place.

    Attributes
    ----------
    size : int
        In bytes.
    changed : float
        Time of the last change, in seconds since the epoch by the place's own clock; 0 where it does not tell.
    """

    size: int
    changed: float


class DamagedError(Exception):
    """Files of a shard are not what was written; says how, to follow the shard's name."""


class RowReader(Protocol):
    """Three files of a shard, open: its vectors, and checksum and text digest of each row, all as they are stored."""

    @property
    def checks(self) -> Digests:
        """Checksum of each row, shape (rows,), uint64."""

    @property
    def digests(self) -> Digests:
        """Digest of each row's text, shape (rows, 2), uint64."""

    def take(self, at: Rows | slice) -> Features:
        """Return the vectors at rows, ascending, or at a slice of them: shape (n, hidden_size), float32."""

    def copy(self, at: Rows | slice, into: Features) -> None:
        """Write them into a contiguous matrix."""


class Place(Protocol):
    """Files by name. What fails raises OSError with a `strerror` of one line; a missing file is FileNotFoundError."""

    @property
    def address(self) -> CachePlace:
        """Where it is, for messages."""

    @property
    def at_once(self) -> int:
        """Files that are best asked for together."""

    def child(self, name: str) -> Place:
        """Return the place of that name in this one."""

    def children(self) -> list[str]:
        """Return the names of the places in this one, sorted; links are none."""

    def entries(self) -> dict[str, Entry]:
        """Return all files directly in this place; links are none. Empty where there is no such place."""

    def make(self) -> None:
        """Make the place, where places are made."""

    def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the content of files; None for one that is missing, or that the disk refuses."""

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """Yield up to `size` bytes of a file in parts; none, or fewer, where it is missing or shorter."""

    def open_rows(
        self, names: Sequence[str], header: bytes, shape: tuple[int, int], wanted: Rows | None
    ) -> AbstractContextManager[RowReader]:
        """Open files of vectors, checksums and digests.

        Parameters
        ----------
        names : three str
        header : bytes
            What must stand before the first vector: known to the byte, so it is compared, not parsed.
        shape : tuple of int
            (rows, hidden_size).
        wanted : ndarray of int64, ascending, or None
            Rows that will be read; all when None.

        Raises
        ------
        DamagedError
            If a file has another header or size; what is opened raises it too.
        """

    def write(self, name: str, chunks: Chunks) -> None:
        """Write a file, all or nothing, over one that is there."""

    def create(self, name: str, chunks: Chunks) -> bool:
        """Write a file whose name says its content, unless the place knows that it is there; whether it was written."""

    def touch(self, name: str) -> None:
        """Give an empty file the time of now."""

    def remove(self, names: Sequence[str]) -> None:
        """Remove files, one after the other; those that are missing are passed over."""

    def remove_if_empty(self) -> None:
        """Remove the place itself, where nothing is left in it."""

    def check_removal(self, command: str) -> None:
        """Refuse commands that remove what others may be writing, where its age cannot be told.

        Raises
        ------
        SettingsError
            Names the command and what to do.
        """

    def facts(self) -> dict[str, Any]:
        """Return what ``featx doctor`` tells: whether it can be written, and the room that is left."""


def as_slice(rows: Rows) -> Rows | slice:
    """Return rows that follow each other as a slice: read without a copy of their own."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows) and np.all(np.diff(rows) == 1):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
