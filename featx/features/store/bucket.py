"""`Bucket`: a prefix of an object store, with the same names and bytes as on disk, read by ranges.

A PUT is atomic, so that temporary names, fsync and rename fall away. Data come first and may be overwritten, since
equal names have equal bytes; the manifest comes last, by a conditional PUT: one that is refused was written by another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from featx.errors import SettingsError
from featx.features.store.objects import Objects
from featx.features.store.place import CHANGED_SIZE, Chunks, DamagedError, Digests, Entry, Features, Rows
from featx.settings import CacheUrl

#: Bytes that one GET asks for at most; also what a reader holds.
_SPAN_BYTES = 16 * 2**20
#: Unwanted bytes between two wanted rows that cost less than another request.
_GAP_BYTES = 2**20


class Bucket:
    """The objects under a prefix."""

    #: Objects that are asked for together.
    at_once = 64

    def __init__(self, address: CacheUrl) -> None:
        self.address = address
        self.objects = Objects(address)

    def child(self, name: str) -> Bucket:
        """Return the prefix of that name under this one."""
        return Bucket(self.address / name)

    def children(self) -> list[str]:
        """Return the names of the prefixes under this one, sorted."""
        return sorted(name for name, entry in self.objects.entries().items() if entry is None)

    def entries(self) -> dict[str, Entry]:
        """Return the objects directly under the prefix, after one listing."""
        return {name: entry for name, entry in self.objects.entries().items() if entry is not None}

    def make(self) -> None:
        """Do nothing: prefixes are not made."""

    def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the content of objects."""
        return self.objects.get_all(names)

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """Yield an object in parts."""
        with suppress(FileNotFoundError):
            for start in range(0, size, _SPAN_BYTES):
                yield self.objects.get(name, start, min(start + _SPAN_BYTES, size))

    @contextmanager
    def open_rows(
        self, names: Sequence[str], header: bytes, shape: tuple[int, int], wanted: Rows | None
    ) -> Iterator[_RangedRows]:
        """Fetch checksums and digests; vectors are fetched as they are asked for."""
        if self.objects.get(names[0], 0, len(header)) != header:
            raise DamagedError("has another header than was written")
        checks, digests = (np.frombuffer(self.objects.get(name), np.uint8) for name in names[1:])
        if (len(checks), len(digests)) != (8 * shape[0], 16 * shape[0]):
            raise DamagedError(CHANGED_SIZE)
        spans = _spans(np.arange(shape[0]) if wanted is None else wanted, shape[1] * 4)
        by_row = checks.view("<u8"), digests.view("<u8").reshape(-1, 2)
        yield _RangedRows(self.objects, names[0], len(header), shape[1], *by_row, spans)

    def write(self, name: str, chunks: Chunks) -> None:
        """Write an object."""
        self.objects.put(name, b"".join(chunks))

    def create(self, name: str, chunks: Chunks) -> bool:
        """Write an object unless it is there."""
        return self.objects.create(name, b"".join(chunks))

    def touch(self, name: str) -> None:
        """Write an empty object anew."""
        self.objects.put(name, b"")

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects."""
        for name in names:
            self.objects.remove(name)

    def remove_if_empty(self) -> None:
        """Do nothing: an empty prefix is none."""

    def check_removal(self, command: str) -> None:
        """Refuse: what others are writing cannot be told from what they left.

        Raises
        ------
        SettingsError
            Names the command.
        """
        raise SettingsError(
            f"featx cache {command} works on folders only, not on {self.address}; remove objects under "
            f"{self.address}/features with the store's own tools, while nothing writes there"
        )

    def facts(self) -> dict[str, Any]:
        """Return that nothing was asked: it could take long, or cost something."""
        return {"readable": "not asked: it is in an object store"}


@dataclass
class _RangedRows:
    """Objects of a shard while they are read; it holds the span of rows that was fetched last."""

    objects: Objects
    name: str
    start: int
    width: int
    checks: Digests
    digests: Digests
    spans: list[tuple[int, int]]
    held: tuple[int, int, Features] | None = None

    def take(self, at: Rows | slice) -> Features:
        """Return the vectors at rows or a slice."""
        n_rows = at.stop - at.start if isinstance(at, slice) else len(at)
        taken = np.empty((n_rows, self.width), np.float32)
        self.copy(at, taken)
        return taken

    def copy(self, at: Rows | slice, into: Features) -> None:
        """Write them into a matrix."""
        rows = np.arange(at.start, at.stop) if isinstance(at, slice) else at
        done = 0
        while done < len(rows):
            first, last, data = self._span_of(int(rows[done]))
            end = int(np.searchsorted(rows, last, side="left"))
            into[done:end] = data[rows[done:end] - first]
            done = end

    def _span_of(self, row: int) -> tuple[int, int, Features]:
        if self.held is None or not self.held[0] <= row < self.held[1]:
            first, last = next((a, b) for a, b in self.spans if a <= row < b)
            row_bytes = self.width * 4
            data = self.objects.get(self.name, self.start + first * row_bytes, self.start + last * row_bytes)
            if len(data) != (last - first) * row_bytes:
                raise DamagedError(CHANGED_SIZE)
            self.held = first, last, np.frombuffer(data, "<f4").reshape(-1, self.width)
        return self.held


def _spans(rows: Rows, row_bytes: int) -> list[tuple[int, int]]:
    """Return ranges of rows to fetch for `rows`, ascending: neighbours in one, none longer than a GET may be."""
    most = max(1, _SPAN_BYTES // row_bytes)
    ends = np.flatnonzero(np.diff(rows) > 1 + _GAP_BYTES // row_bytes)
    starts = rows[np.concatenate([[0], ends + 1])]
    stops = rows[np.concatenate([ends, [len(rows) - 1]])] + 1
    return [
        (first, min(first + most, int(stop)))
        for start, stop in zip(starts, stops, strict=True)
        for first in range(int(start), int(stop), most)
    ]
