"""One shard: a float32 array, a checksum for each row, the digests of its texts, and a manifest, committed last.

The name is the digest of spec and content, so that two writers of the same rows write the same files. A shard is whole
when its manifest is byte for byte what featx would write, it lies under its own name in the folder of its own spec, its
files have the stated sizes, and digests and checksums the stated sha256. Vectors are checked as they are read.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import numpy as np

from featx.errors import StoreError
from featx.features.store.checks import row_checks
from featx.features.store.manifest import (
    CHECKS,
    DIGESTS,
    FEATURES,
    MANIFEST,
    MANIFEST_LIMIT,
    SHARD_NAME_LENGTH,
    Manifest,
    facts_of,
    parse_manifest,
)
from featx.features.store.place import (
    DamagedError,
    Digests,
    Entry,
    Features,
    Place,
    RowReader,
    Rows,
    as_slice,
)
from featx.settings import CachePlace

#: Empty file whose time of change is that of the last use of a store.
USED = "used"
#: The spec in words; its sha256 is the name of the folder that it belongs to.
DESCRIPTION = "spec.json"
_UNNAMED = f"it is of version 0.1, which does not say of which features, and {DESCRIPTION} is not of this folder"


class Shard(Protocol):
    """Rows of a store, committed or in memory."""

    @property
    def seconds_per_text(self) -> float:
        """What encoding one of its texts took, on average."""

    def open(self, wanted: Rows | None = None) -> AbstractContextManager[OpenShard]:
        """Open the rows, to be read while the context is; `wanted`, ascending, says which ones will be."""


class OpenShard(Protocol):
    """Rows of a shard that can be read."""

    def take(self, rows: Rows) -> Features:
        """Return the vectors of `rows`, shape (len(rows), hidden_size), float32."""

    def copy(self, rows: Rows, into: Features) -> None:
        """Write them into a contiguous matrix."""


@dataclass(frozen=True)
class MemoryShard:
    """Rows that could not be, or are not to be, written."""

    features: Features
    seconds_per_text: float

    @contextmanager
    def open(self, wanted: Rows | None = None) -> Iterator[MemoryShard]:
        """Yield itself."""
        yield self

    def take(self, rows: Rows) -> Features:
        """Return the vectors of `rows`."""
        return self.features[as_slice(rows)]

    def copy(self, rows: Rows, into: Features) -> None:
        """Write the vectors of `rows` into a matrix."""
        into[:] = self.take(rows)


@dataclass(frozen=True)
class CommittedShard:
    """Committed rows.

    Attributes
    ----------
    place : Place
    manifest : Manifest
    """

    place: Place
    manifest: Manifest

    @property
    def seconds_per_text(self) -> float:
        """What encoding one of its texts took, on average."""
        return self.manifest.encode_seconds / self.manifest.rows

    @contextmanager
    def open(self, wanted: Rows | None = None) -> Iterator[_CheckedRows]:
        """Open the rows.

        Raises
        ------
        StoreError
            If the files have gone, or are not what was written; reading raises it too.
        """
        shape = (self.manifest.rows, self.manifest.hidden_size)
        names = [self.manifest.name + suffix for suffix in (FEATURES, CHECKS, DIGESTS)]
        with ExitStack() as stack:
            with self.errors():
                reader = stack.enter_context(self.place.open_rows(names, npy_header(*shape), shape, wanted))
            yield _CheckedRows(self, reader)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Say of what goes wrong in the block which shard it is, and what to do."""
        shard = f"shard {self.place.address / self.manifest.name}"
        try:
            yield
        except DamagedError as e:
            raise StoreError(
                f"{shard} {e}; remove it with `featx cache verify --remove`, and the same command encodes its texts "
                "again"
            ) from e
        except FileNotFoundError as e:
            raise StoreError(
                f"{shard} is gone: it was removed since it was opened; the same command run again finds what took its "
                "place, or encodes its texts again"
            ) from e
        except OSError as e:
            raise StoreError(
                f"{shard} cannot be read: {e.strerror or e}; what was committed is kept: check disk or network, and "
                "the same command goes on from there"
            ) from e


@dataclass(frozen=True)
class _CheckedRows:
    """A shard while it is read; each row is compared with its checksum.

    A row that is not what was written is a StoreError.
    """

    shard: CommittedShard
    reader: RowReader

    def take(self, rows: Rows) -> Features:
        """Return the vectors of `rows`."""
        at = as_slice(rows)
        with self.shard.errors():
            taken = self.reader.take(at)
            self._check(taken, at)
        return taken

    def copy(self, rows: Rows, into: Features) -> None:
        """Write the vectors of `rows` into a contiguous matrix."""
        at = as_slice(rows)
        with self.shard.errors():
            self.reader.copy(at, into)
            self._check(into, at)

    def _check(self, taken: Features, at: Rows | slice) -> None:
        expected = row_checks(taken, self.reader.digests[at], self.shard.manifest.spec)
        n_bad = int(np.count_nonzero(expected != self.reader.checks[at]))
        if n_bad:
            raise DamagedError(f"holds {n_bad} rows that are not what was written")


def commit_shard(
    place: Place, spec: str, digests: Digests, features: Features, written: dict[str, Any]
) -> CommittedShard:
    """Write a shard, the manifest last, and return it.

    Raises
    ------
    OSError
        If the disk is full or the place cannot be written; earlier shards are as they were.
    StoreError
        If what was written cannot be read back.
    """
    header = npy_header(*features.shape)
    files: dict[str, list[bytes | memoryview]] = {
        FEATURES: [header, np.ascontiguousarray(features, "<f4").data.cast("B")],
        CHECKS: [row_checks(features, digests, spec).astype("<u8").data.cast("B")],
        DIGESTS: [np.ascontiguousarray(digests, "<u8").data.cast("B")],
    }
    facts = {suffix: facts_of(chunks) for suffix, chunks in files.items()}
    rows, hidden_size = features.shape
    manifest = Manifest(spec, rows, hidden_size, facts[FEATURES], facts[CHECKS], facts[DIGESTS], written)
    for suffix, chunks in files.items():
        place.write(manifest.name + suffix, chunks)
    key, data = manifest.name + MANIFEST, manifest.to_bytes()
    if not place.create(key, [data]) and not _is_manifest(place, key):
        place.write(key, [data])  # damaged, or gone since: the rows are here to write it anew
    if not _is_manifest(place, key):
        raise StoreError(f"{place.address / key} was written but cannot be read back; check the disk")
    return CommittedShard(place, manifest)


def _is_manifest(place: Place, key: str) -> bool:
    (data,) = place.read([key])
    return data is not None and parse_manifest(data, place.address / key) is not None


def npy_header(rows: int, hidden_size: int) -> bytes:
    """Return what a ``.npy`` file of this shape begins with, so that plain `numpy.load` reads a shard too."""
    buffer = io.BytesIO()
    shape = (int(rows), int(hidden_size))
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def shard_names(entries: dict[str, Entry]) -> list[str]:
    """Return the names of the shards that have a manifest, sorted; no manifest is as large as `MANIFEST_LIMIT`."""
    length = SHARD_NAME_LENGTH + len(MANIFEST)
    return sorted(
        key[:SHARD_NAME_LENGTH]
        for key, entry in entries.items()
        if key.endswith(MANIFEST) and len(key) == length and entry.size < MANIFEST_LIMIT
    )


@dataclass(frozen=True)
class WholeShard:
    """A shard that is proven whole, and the digests of its texts."""

    shard: CommittedShard
    digests: Digests


@dataclass(frozen=True)
class BadShard:
    """A shard that is not what was written, or not where it belongs, and how that shows.

    Attributes
    ----------
    path : Path or CacheUrl
        Of its manifest.
    name : str
    reason : str
    is_unnamed : bool
        Whether all that is known against it is that nothing says of which features it is.
    """

    path: CachePlace
    name: str
    reason: str
    is_unnamed: bool = False


def open_shards(
    place: Place, spec: str, entries: dict[str, Entry], names: Sequence[str] | None = None
) -> Iterator[WholeShard | BadShard]:
    """Yield each shard in turn.

    Parameters
    ----------
    place : Place
    spec : str
        Name of the spec whose store the place is.
    entries : dict
        Files of the place, as it lists them.
    names : sequence of str, optional
        Shards to open; all that have a manifest when None.

    Raises
    ------
    StoreError
        If a shard was written by a newer format version.
    OSError
        If the place cannot be read.

    Notes
    -----
    A shard of version 0.1 does not say whose it is. It is taken for what ``spec.json`` beside it says, and that must
    have the folder's name as its digest: renamed and swapped folders are found. A single shard of that version that
    was copied into the folder of another spec cannot be told.
    """
    vouched = describes(place, spec)
    wanted = shard_names(entries) if names is None else names
    for start in range(0, len(wanted), place.at_once):
        batch = wanted[start : start + place.at_once]
        parsed: list[Manifest] = []
        for name, data in zip(batch, place.read([name + MANIFEST for name in batch]), strict=True):
            path = place.address / (name + MANIFEST)
            manifest = None if data is None else parse_manifest(data, path)
            if manifest is None:
                yield BadShard(path, name, "the manifest is damaged or cannot be read")
            elif manifest.spec is None and not vouched:
                yield BadShard(path, name, _UNNAMED, is_unnamed=True)
            elif reason := _misplaced(name, manifest, spec) or _other_size(manifest, entries):
                yield BadShard(path, name, reason)
            else:
                parsed.append(manifest)
        yield from _with_digests(place, parsed)


def _with_digests(place: Place, manifests: Sequence[Manifest]) -> Iterator[WholeShard | BadShard]:
    found = place.read([manifest.name + suffix for manifest in manifests for suffix in (CHECKS, DIGESTS)])
    for manifest, checks, digests in zip(manifests, found[::2], found[1::2], strict=True):
        for suffix, data in ((CHECKS, checks), (DIGESTS, digests)):
            if data is None or not manifest.files[suffix].agree_with([data]):
                path = place.address / (manifest.name + MANIFEST)
                yield BadShard(path, manifest.name, f"{manifest.name + suffix} is not what was written")
                break
        else:
            rows = np.frombuffer(digests or b"", "<u8").astype(np.uint64).reshape(-1, 2)
            yield WholeShard(CommittedShard(place, manifest), rows)


def describes(place: Place, spec: str) -> bool:
    """Return whether the description in `place` is that of the spec with this name."""
    (description,) = place.read([DESCRIPTION])
    return description is not None and sha256(description.strip()).hexdigest() == spec


def _misplaced(name: str, manifest: Manifest, spec: str) -> str | None:
    if manifest.spec not in (None, spec):
        return f"it holds features of another kind ({str(manifest.spec)[:12]})"
    return None if manifest.name == name else "it lies under the name of another shard"


def _other_size(manifest: Manifest, entries: dict[str, Entry]) -> str | None:
    for suffix, facts in manifest.files.items():
        entry = entries.get(manifest.name + suffix)
        if entry is None or entry.size != facts.size:
            return f"{manifest.name + suffix} is missing, a link, or of another size"
    return None
