"""`FeatureStore`: the rows of one `FeatureSpec`, over all its shards.

Any number of processes and hosts may write to one folder at once without a lock: shards have names of their own
and never change. What a reader cannot prove whole is absent to it.
"""

from __future__ import annotations

import errno
import itertools
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import FeatxWarning, StoreError
from featx.features.normalizing import normalized
from featx.features.spec import FeatureSpec
from featx.features.store.index import DigestIndex
from featx.features.store.place import Digests, Features, as_slice
from featx.features.store.places import find_place
from featx.features.store.shard import (
    DESCRIPTION,
    USED,
    BadShard,
    MemoryShard,
    Shard,
    WholeShard,
    commit_shard,
    describes,
    open_shards,
)
from featx.settings import CachePlace

#: Rows that are checked and copied at once; those of a common width fit into a processor's cache.
_BLOCK_ROWS = 1_024
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class FeatureStore:
    """Features of one spec.

    Parameters
    ----------
    cache_dir : Path, CacheUrl or None
        The cache folder or a place in an object store; the store lies in ``features/<spec name>`` under it. None
        keeps rows in memory only.
    spec : FeatureSpec
    hidden_size : int
        Width of a vector; shards of another width are no shards of this store.
    write_only : bool
        Whether to leave the shards that are there unread: for workers that are told which texts are lacking, and that
        would hold an index of the whole store otherwise.

    Raises
    ------
    StoreError
        If the folder cannot be read, or was written by a newer format version.

    Notes
    -----
    A store that cannot be written still works: its rows stay in memory, with one warning.
    """

    def __init__(
        self, cache_dir: CachePlace | None, spec: FeatureSpec, hidden_size: int, *, write_only: bool = False
    ) -> None:
        self.spec = spec
        self.hidden_size = hidden_size
        self.folder = None if cache_dir is None else cache_dir / "features" / spec.name
        self._shards: list[Shard] = []
        self._starts: list[int] = []
        self._index = DigestIndex()
        self._writable = self.folder is not None
        if self.folder is not None:
            self._place = find_place(self.folder)
            self._prepare()
            if not write_only:
                self._open()
            self._mark_used()

    @property
    def is_writable(self) -> bool:
        """Whether rows are kept on disk; otherwise they are in memory only."""
        return self._writable

    def __len__(self) -> int:
        """Return rows in all shards, texts that stand in two of them counted twice."""
        return len(self._index)

    def find(self, digests: Digests) -> NDArray[np.int64]:
        """Row of each text, shape (n,), int64; -1 for a text that the store lacks.

        Parameters
        ----------
        digests : ndarray of shape (n, 2), uint64
        """
        return self._index.find(digests)

    def put(self, digests: Digests, features: Features, written: dict[str, Any]) -> None:
        """Commit rows as one shard.

        Parameters
        ----------
        digests : ndarray of shape (n, 2), uint64
        features : ndarray of shape (n, hidden_size), float32
            All finite.
        written : dict
            How the rows came about; ``encode_seconds`` is kept as their cost.

        Raises
        ------
        StoreError
            If the disk is full or fails; nothing that was committed is lost.
        """
        if features.shape != (len(digests), self.hidden_size) or features.dtype != np.float32:
            raise ValueError(f"features are {features.dtype} {features.shape}, expected {len(digests)} float32 rows")
        if not len(digests):
            return
        if not np.isfinite(features).all():
            raise ValueError("features hold NaN or infinity")
        shard: Shard | None = self._committed(digests, features, written) if self._writable else None
        if shard is None:
            seconds = float(written.get("encode_seconds", 0.0)) / len(digests)
            shard = MemoryShard(features.copy(), seconds)
        self._append(shard, digests)

    def _committed(self, digests: Digests, features: Features, written: dict[str, Any]) -> Shard | None:
        """Return the rows as a shard on disk; None, with a warning, when the folder is read-only."""
        try:
            shard = commit_shard(self._place, self.spec.name, digests, features, written)
            self._mark_used()
            return shard
        except OSError as e:
            if e.errno in _READ_ONLY:
                self._turn_read_only(e)
                return None
            raise StoreError(
                f"features cannot be written to {self.folder}: {e.strerror or e}; what was committed is whole: "
                "free space or choose another `cache_dir`, and the same command goes on from there"
            ) from e

    def gather(self, rows: NDArray[np.int64]) -> Features:
        """Vectors of `rows` (as `find` gives them), in their order.

        Returns
        -------
        ndarray of shape (n, hidden_size), float32
        """
        result = np.empty((len(rows), self.hidden_size), np.float32)
        for shard, wanted, local in self._by_shard(rows):
            with shard.open(local) as opened:
                for start in range(0, len(local), _BLOCK_ROWS):  # checked while the block is in the cache
                    block = slice(start, start + _BLOCK_ROWS)
                    at = as_slice(wanted[block])
                    if isinstance(at, slice):
                        opened.copy(local[block], result[at])
                    else:
                        result[at] = opened.take(local[block])
        return result

    def view(self, rows: NDArray[np.int64], *, normalize: bool = False) -> FeatureView:
        """Return the same as `gather`, read only where it is indexed: for more rows than memory holds."""
        return FeatureView(self, rows, normalize=normalize)

    def encode_seconds(self, rows: NDArray[np.int64]) -> float:
        """Return seconds that encoding the texts of `rows` once took, on the machine that did it."""
        return sum(shard.seconds_per_text * len(wanted) for shard, wanted, _ in self._by_shard(rows))

    def _by_shard(self, rows: NDArray[np.int64]) -> list[tuple[Shard, NDArray[np.int64], NDArray[np.int64]]]:
        """Shards that hold some of `rows`: positions in `rows`, and rows within the shard, ascending."""
        if not len(rows):
            return []
        in_order = bool(np.all(rows[1:] >= rows[:-1]))
        order = np.arange(len(rows)) if in_order else np.argsort(rows, kind="stable")
        owners = np.searchsorted(self._starts, rows[order], side="right") - 1
        bounds = np.flatnonzero(np.diff(owners, prepend=-1, append=len(self._starts)))
        parts = []
        for begin, end in itertools.pairwise(bounds):
            wanted, owner = order[begin:end], int(owners[begin])
            parts.append((self._shards[owner], wanted, rows[wanted] - self._starts[owner]))
        return parts

    def _append(self, shard: Shard, digests: Digests) -> None:
        self._starts.append(len(self._index))
        self._shards.append(shard)
        self._index.add(digests)

    def _open(self) -> None:
        try:
            for opened in self._opened():
                if isinstance(opened, WholeShard) and opened.shard.manifest.hidden_size == self.hidden_size:
                    self._append(opened.shard, opened.digests)
        except OSError as e:
            raise StoreError(
                f"the cache {self.folder} cannot be read: {e.strerror or e}; check its permissions and, if it is far "
                "away, the network, or choose another `cache_dir`"
            ) from e

    def _opened(self) -> Iterator[WholeShard | BadShard]:
        return open_shards(self._place, self.spec.name, self._place.entries())

    def _prepare(self) -> None:
        """Make the folder and say in words what it holds.

        Words that belong to another folder are replaced, unless shards lie there that only the words tell apart.
        """
        try:
            self._place.make()
            if describes(self._place, self.spec.name):
                return
            if not any(isinstance(opened, BadShard) and opened.is_unnamed for opened in self._opened()):
                self._place.write(DESCRIPTION, [self.spec.canonical().encode() + b"\n"])
        except OSError as e:
            if e.errno not in _READ_ONLY:
                raise StoreError(
                    f"the cache folder {self.folder} cannot be made: {e.strerror or e}; choose another `cache_dir`"
                ) from e
            self._turn_read_only(e)

    def _mark_used(self) -> None:
        """Let ``featx cache`` know that the store was in use now; one that cannot be written stays unmarked."""
        with suppress(OSError):
            self._place.touch(USED)

    def _turn_read_only(self, error: OSError) -> None:
        self._writable = False
        warnings.warn(
            f"the cache folder {self.folder} cannot be written ({error.strerror or error}): features are computed "
            "and returned but not kept; choose another `cache_dir` to keep them",
            FeatxWarning,
            stacklevel=4,
        )


class FeatureView:
    """Read-only matrix of rows of a store; slices and row numbers give arrays, nothing else is held in memory.

    Attributes
    ----------
    shape : tuple of int
        (n, hidden_size).
    dtype : numpy.dtype
        float32.
    """

    def __init__(self, store: FeatureStore, rows: NDArray[np.int64], *, normalize: bool = False) -> None:
        self._store = store
        self._normalize = normalize
        self._rows = rows
        self.shape = (len(rows), store.hidden_size)
        self.dtype = np.dtype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice | NDArray[Any]) -> Features:
        """Vectors at `index`: an integer gives one of shape (hidden_size,), all else a matrix."""
        wanted = self._rows[index]
        features = self._store.gather(np.atleast_1d(wanted))
        features = normalized(features) if self._normalize else features
        return np.asarray(features[0], np.float32) if np.ndim(wanted) == 0 else features

    def __repr__(self) -> str:
        return f"FeatureView(shape={self.shape}, dtype={self.dtype})"
