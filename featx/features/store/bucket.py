"""Shards in an object store: the same names and bytes as on disk, read by ranges.

A PUT is atomic, so that temporary names, fsync and rename fall away. Data come first and may be overwritten, since
equal names have equal bytes; the manifest comes last, by a conditional PUT: one that is refused was written by another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np

from featx.errors import StoreError
from featx.features.store.checks import row_checks
from featx.features.store.manifest import CHECKS, DIGESTS, FEATURES, MANIFEST, Manifest, damaged_file, parse_manifest
from featx.features.store.objects import Objects
from featx.features.store.place import DESCRIPTION, USED, CommittedShard
from featx.features.store.shard import (
    SHARD_NAME_LENGTH,
    Digests,
    Features,
    Rows,
    Shard,
    npy_header,
    shard_content,
)
from featx.settings import CacheUrl

#: Bytes that one GET asks for at most; also what a reader holds.
_SPAN_BYTES = 16 * 2**20
#: Unwanted bytes between two wanted rows that cost less than another request.
_GAP_BYTES = 2**20
#: Shards whose manifests are asked for at once.
_BATCH = 64


@dataclass(frozen=True)
class Bucket:
    """The shards of one store under a prefix."""

    url: CacheUrl
    objects: Objects = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "objects", Objects(self.url))

    def prepare(self, description: bytes) -> None:
        """Say in words what the store holds."""
        if not self.objects.exists(DESCRIPTION):
            self.objects.create(DESCRIPTION, description)

    def shards(self) -> Iterator[tuple[CommittedShard, Digests]]:
        """Whole shards, after one listing.

        Raises
        ------
        StoreError
            If the store cannot be reached, or was written by a newer format version.
        """
        try:
            entries = self.objects.entries()
            names = shard_names(entries)
            for start in range(0, len(names), _BATCH):
                yield from self._whole(names[start : start + _BATCH], entries)
        except OSError as e:
            raise StoreError(
                f"the cache {self.url} cannot be read: {e.strerror or e}; check network and permissions, or choose "
                "another --cache-dir"
            ) from e

    def _whole(self, names: list[str], entries: dict[str, Any]) -> Iterator[tuple[BucketShard, Digests]]:
        found = self.objects.get_all([name + MANIFEST for name in names])
        shards = []
        for name, data in zip(names, found, strict=True):
            manifest = None if data is None else parse_manifest(data, self.url / (name + MANIFEST))
            if manifest is not None and _sizes_agree(name, manifest, entries):
                shards.append(BucketShard(self.objects, name, manifest))
        found = self.objects.get_all([shard.name + DIGESTS for shard in shards])
        for shard, data in zip(shards, found, strict=True):
            if data is not None and sha256(data).hexdigest() == shard.manifest.digests.sha256:
                yield shard, np.frombuffer(data, "<u8").astype(np.uint64).reshape(-1, 2)

    def commit(self, digests: Digests, features: Features, written: dict[str, Any]) -> Shard:
        """Write a shard, the manifest last."""
        files, manifest, name = shard_content(digests, features, written)
        for suffix, chunks in files.items():
            self.objects.put(name + suffix, b"".join(chunks))
        data, key = manifest.to_bytes(), name + MANIFEST
        if not self.objects.create(key, data):
            (there,) = self.objects.get_all([key])
            # damaged, or gone since: the rows are here to write it anew
            if there is None or parse_manifest(there, self.url / key) is None:
                self.objects.put(key, data)
        return BucketShard(self.objects, name, manifest)

    def mark_used(self) -> None:
        """Write the mark anew."""
        with suppress(OSError):
            self.objects.put(USED, b"")

    def what_is_wrong(self, name: str, entries: dict[str, Any]) -> str | None:
        """How a shard is not what was written, after reading every byte; None when it is.

        Raises
        ------
        OSError
            If the store cannot be reached.
        """
        try:
            whole = next(self._whole([name], entries), None)
        except StoreError as e:
            return str(e)
        if whole is None:
            return "manifest or digests are damaged, or an object is missing or cut short"
        manifest = whole[0].manifest
        sizes = {FEATURES: manifest.features.size, CHECKS: manifest.checks.size}
        return damaged_file(name, manifest, lambda suffix: self._blocks(name + suffix, sizes[suffix]))

    def _blocks(self, name: str, size: int) -> Iterator[bytes]:
        with suppress(FileNotFoundError):
            for start in range(0, size, _SPAN_BYTES):
                yield self.objects.get(name, start, min(start + _SPAN_BYTES, size))

    def remove(self, name: str) -> None:
        """Remove a shard, the manifest first, so that a crash leaves objects that no one believes."""
        for suffix in (MANIFEST, DIGESTS, CHECKS, FEATURES):
            self.objects.remove(name + suffix)


@dataclass(frozen=True)
class BucketShard:
    """Committed rows in an object store."""

    objects: Objects
    name: str
    manifest: Manifest

    @property
    def seconds_per_text(self) -> float:
        """What encoding one of its texts took, on average."""
        return self.manifest.encode_seconds / self.manifest.rows

    @contextmanager
    def open(self, wanted: Rows | None = None) -> Iterator[_RangedShard]:
        """The rows, fetched as they are asked for.

        Raises
        ------
        StoreError
            If the objects have gone, or are not what was written.
        """
        header = npy_header(self.manifest.rows, self.manifest.hidden_size)
        if self.get(FEATURES, 0, len(header)) != header:
            raise self.damaged("has another header than was written")
        data = self.get(CHECKS)
        if sha256(data).hexdigest() != self.manifest.checks.sha256:
            raise self.damaged("has other checksums than were written")
        rows = np.arange(self.manifest.rows) if wanted is None else wanted
        yield _RangedShard(self, len(header), np.frombuffer(data, "<u8"), _spans(rows, self.manifest.hidden_size * 4))

    def get(self, suffix: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Bytes of one of the shard's objects."""
        try:
            return self.objects.get(self.name + suffix, start, stop)
        except FileNotFoundError as e:
            raise self.damaged("has gone") from e
        except OSError as e:
            raise StoreError(
                f"shard {self.objects.prefix / self.name} cannot be read: {e.strerror or e}; what was committed is "
                "kept: check the network, and the same command goes on from there"
            ) from e

    def damaged(self, how: str) -> StoreError:
        """An error that says how the shard is damaged and what to do."""
        return StoreError(
            f"shard {self.objects.prefix / self.name} {how}; remove it with `featx cache verify --remove`, and the "
            "same command encodes its texts again"
        )


@dataclass
class _RangedShard:
    """A shard while it is read; it holds the span of rows that was fetched last."""

    shard: BucketShard
    start: int
    checks: Digests
    spans: list[tuple[int, int]]
    held: tuple[int, int, Features] | None = None

    def take(self, rows: Rows) -> Features:
        """Vectors of `rows`, ascending, shape (len(rows), hidden_size), float32.

        Raises
        ------
        StoreError
            If a row is not what was written, or cannot be fetched.
        """
        taken = np.empty((len(rows), self.shard.manifest.hidden_size), np.float32)
        self.copy(rows, taken)
        return taken

    def copy(self, rows: Rows, into: Features) -> None:
        """Vectors of `rows`, ascending, written into a matrix."""
        at = 0
        while at < len(rows):
            first, last, data = self._span_of(int(rows[at]))
            end = int(np.searchsorted(rows, last, side="left"))
            into[at:end] = data[rows[at:end] - first]
            at = end
        n_bad = int(np.count_nonzero(row_checks(into) != self.checks[rows]))
        if n_bad:
            raise self.shard.damaged(f"holds {n_bad} rows that are not what was written")

    def _span_of(self, row: int) -> tuple[int, int, Features]:
        if self.held is None or not self.held[0] <= row < self.held[1]:
            first, last = next((a, b) for a, b in self.spans if a <= row < b)
            width = self.shard.manifest.hidden_size
            data = self.shard.get(FEATURES, self.start + first * width * 4, self.start + last * width * 4)
            if len(data) != (last - first) * width * 4:
                raise self.shard.damaged("has changed its size since it was opened")
            self.held = first, last, np.frombuffer(data, "<f4").reshape(-1, width)
        return self.held


def _spans(rows: Rows, row_bytes: int) -> list[tuple[int, int]]:
    """Ranges of rows to fetch for `rows`, ascending: neighbours in one, none longer than a GET may be."""
    most = max(1, _SPAN_BYTES // row_bytes)
    ends = np.flatnonzero(np.diff(rows) > 1 + _GAP_BYTES // row_bytes)
    starts = rows[np.concatenate([[0], ends + 1])]
    stops = rows[np.concatenate([ends, [len(rows) - 1]])] + 1
    return [
        (first, min(first + most, int(stop)))
        for start, stop in zip(starts, stops, strict=True)
        for first in range(int(start), int(stop), most)
    ]


def _sizes_agree(name: str, manifest: Manifest, entries: dict[str, Any]) -> bool:
    files = ((FEATURES, manifest.features), (CHECKS, manifest.checks), (DIGESTS, manifest.digests))
    return all(entries.get(name + suffix, {}).get("size") == facts.size for suffix, facts in files)


def shard_names(entries: dict[str, Any]) -> list[str]:
    """Names of the shards that have a manifest, sorted."""
    length = SHARD_NAME_LENGTH + len(MANIFEST)
    return sorted(key[:SHARD_NAME_LENGTH] for key in entries if key.endswith(MANIFEST) and len(key) == length)
