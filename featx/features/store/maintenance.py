"""Maintenance of the stores of a cache: list, verify, remove what is old, remove all, compact.

Nothing here needs a lock. Manifests are removed before the files that they vouch for, and new shards are committed
before old ones go, so that a reader or a crash at any moment finds whole shards or none. Files that are not the
store's are left alone, and symbolic links are not followed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from featx.errors import StoreError
from featx.features.store.manifest import CHECKS, DIGESTS, FEATURES, MANIFEST, SHARD_NAME_LENGTH
from featx.features.store.place import Entry, Place
from featx.features.store.places import find_place
from featx.features.store.shard import (
    DESCRIPTION,
    USED,
    BadShard,
    CommittedShard,
    WholeShard,
    commit_shard,
    open_shards,
    shard_names,
)
from featx.files import TEMPORARY_PREFIX
from featx.settings import CachePlace, local_folder

#: A file that no manifest vouches for may be under way for this long; a writer takes seconds.
_UNDER_WAY_SECONDS = 24 * 3600.0
#: Rows of a compacted shard.
COMPACT_ROWS = 1 << 20
#: Folders of checkpoints that featx builds in a cache, and what ended processes left of them; others are the user's.
BUILT_CHECKPOINT = re.compile(r"demo-\d+|random-\d+-[0-9a-f]{1,16}-[0-9a-f]{1,16}-\d+|\.(demo|random|damaged|tmp)-.+")

_SPEC_NAME = re.compile(r"[0-9a-f]{64}")
_OWN_FILE = re.compile(
    rf"([0-9a-f]{{{SHARD_NAME_LENGTH}}}\.(npy|checks|digests|json))|{re.escape(TEMPORARY_PREFIX)}.*", re.DOTALL
)


@dataclass(frozen=True)
class StoreFacts:
    """One store: what its features are, and how much there is of them.

    Attributes
    ----------
    folder : Path or CacheUrl
    spec : dict
        As ``spec.json`` says it; empty where that cannot be read.
    shards, texts, size : int
        Whole shards, their rows, and the bytes of all files.
    last_used : float
        Seconds since the epoch.
    """

    folder: CachePlace
    spec: dict[str, Any]
    shards: int
    texts: int
    size: int
    last_used: float


def list_stores(cache_dir: CachePlace) -> list[StoreFacts]:
    """Return every store, the last used first.

    Raises
    ------
    StoreError
        If the cache cannot be read.
    """
    with _reading(cache_dir):
        return sorted((_facts(place) for place in _stores(cache_dir)), key=lambda store: -store.last_used)


def _stores(cache_dir: CachePlace) -> list[Place]:
    root = find_place(cache_dir).child("features")
    return [root.child(name) for name in root.children() if _SPEC_NAME.fullmatch(name)]


def _facts(place: Place) -> StoreFacts:
    entries = place.entries()
    whole = _whole(place, entries)
    try:
        spec = json.loads(place.read([DESCRIPTION])[0] or b"")
    except (ValueError, RecursionError):
        spec = {}
    used = entries.get(USED)
    last_used = used.changed if used else max((entry.changed for entry in entries.values()), default=0.0)
    size = sum(entry.size for name, entry in entries.items() if _OWN_FILE.fullmatch(name))
    texts = sum(shard.manifest.rows for shard in whole)
    return StoreFacts(place.address, spec if isinstance(spec, dict) else {}, len(whole), texts, size, last_used)


def _whole(place: Place, entries: dict[str, Entry]) -> list[CommittedShard]:
    opened = open_shards(place, place.address.name, entries)
    return [shard.shard for shard in opened if isinstance(shard, WholeShard)]


@contextmanager
def _reading(cache_dir: CachePlace) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise StoreError(
            f"the cache {cache_dir} cannot be read: {e.strerror or e}; check its permissions and, if it is far away, "
            "the network, or choose another `cache_dir`"
        ) from e


def verify(
    cache_dir: CachePlace, remove: bool = False, on_shard: Callable[[CachePlace], None] | None = None
) -> list[BadShard]:
    """Read every byte of every shard, and compare it with its manifest and with the folder that it lies in.

    Parameters
    ----------
    cache_dir : Path or CacheUrl
    remove : bool
        Whether to remove bad shards; their texts are then encoded again when they are wanted. Shards of a newer
        version of featx are named and stay.
    on_shard : callable, optional
        Called with each manifest's path before its shard is read.

    Raises
    ------
    StoreError
        If the cache cannot be read.
    """
    bad = []
    with _reading(cache_dir):
        for place in _stores(cache_dir):
            entries = place.entries()
            for name in shard_names(entries):
                path = place.address / (name + MANIFEST)
                if on_shard:
                    on_shard(path)
                try:
                    reason = _what_is_wrong(place, name, entries)
                except StoreError as e:
                    bad.append(BadShard(path, name, str(e)))
                    continue
                if reason is not None:
                    bad.append(BadShard(path, name, reason))
                    if remove:
                        _remove_shard(place, name)
    return bad


def _what_is_wrong(place: Place, name: str, entries: dict[str, Entry]) -> str | None:
    (opened,) = open_shards(place, place.address.name, entries, [name])
    if isinstance(opened, BadShard):
        return opened.reason
    facts = opened.shard.manifest.features
    if facts.agree_with(place.blocks(name + FEATURES, facts.size)):
        return None
    return f"{name + FEATURES} is not what was written"


def _remove_shard(place: Place, name: str) -> None:
    """Remove the manifest first, so that a crash leaves files that no one believes."""
    place.remove([name + suffix for suffix in (MANIFEST, DIGESTS, CHECKS, FEATURES)])


def gc(cache_dir: CachePlace, older_than_seconds: float | None = None, max_size: int | None = None) -> list[StoreFacts]:
    """Remove stores that were not used for long, then the least used until all fit into `max_size` bytes.

    What a live process may be writing is never touched: files without a manifest stay for a day.

    Returns
    -------
    list of StoreFacts
        The stores whose shards were removed.
    """
    cache = find_place(cache_dir)
    cache.check_removal("gc")
    stores = list_stores(cache_dir)
    if not stores:
        return []
    now = _now(cache)
    kept: list[StoreFacts] = []
    removed: list[StoreFacts] = []
    for store in stores:
        is_old = older_than_seconds is not None and now - store.last_used > older_than_seconds
        (removed if is_old else kept).append(store)
    if max_size is not None:
        while kept and sum(store.size for store in kept) > max_size:
            removed.append(kept.pop())
    for store in removed:
        place = find_place(store.folder)
        for name in shard_names(place.entries()):
            _remove_shard(place, name)
    for place in _stores(cache_dir):
        _remove_leftovers(place, now)
    return [store for store in removed if store.shards]


def _remove_leftovers(place: Place, now: float) -> None:
    """Remove files of writers that died: those without a manifest that are a day old."""
    entries = place.entries()
    for name, entry in entries.items():
        stem, _, suffix = name.rpartition(".")
        vouched_for = stem + MANIFEST in entries and not name.startswith(TEMPORARY_PREFIX)
        is_own = _OWN_FILE.fullmatch(name) and f".{suffix}" != MANIFEST
        if is_own and not vouched_for and now - entry.changed > _UNDER_WAY_SECONDS:
            place.remove([name])


def _now(cache: Place) -> float:
    """Return the time by the clock of the cache: a host whose clock is wrong must not age others' files."""
    probe = f"{TEMPORARY_PREFIX}{os.getpid()}-{uuid.uuid4().hex}"
    try:
        cache.touch(probe)
        try:
            return cache.entries()[probe].changed
        finally:
            cache.remove([probe])
    except OSError as e:
        raise StoreError(f"the cache folder {cache.address} cannot be written: {e.strerror or e}") from e


def clear(cache_dir: CachePlace) -> list[StoreFacts]:
    """Remove every store, and the checkpoints that were built in the cache folder."""
    find_place(cache_dir).check_removal("clear")
    stores = list_stores(cache_dir)
    for place in _stores(cache_dir):
        entries = place.entries()
        for name in shard_names(entries):
            _remove_shard(place, name)
        place.remove([name for name in entries if _OWN_FILE.fullmatch(name)] + [DESCRIPTION, USED])
        place.remove_if_empty()
    checkpoints = local_folder(cache_dir) / "checkpoints"
    for name in find_place(checkpoints).children():
        if BUILT_CHECKPOINT.fullmatch(name):
            shutil.rmtree(checkpoints / name, ignore_errors=True)
    return stores


def compact(cache_dir: CachePlace, rows: int = COMPACT_ROWS) -> tuple[int, int]:
    """Make few shards of up to `rows` rows out of many small ones; texts repeated among those are kept once.

    Safe against a crash at any moment (rows then stand in two shards, which is allowed) and against readers (who see
    the old shards or the new one).

    Returns
    -------
    before, after : int
        Shards in all stores.

    Raises
    ------
    StoreError
        If a shard is damaged or the disk is full; nothing is lost then.
    """
    find_place(cache_dir).check_removal("compact")
    before = after = 0
    for place in _stores(cache_dir):
        whole = _whole(place, place.entries())
        before += len(whole)
        small = [shard for shard in whole if shard.manifest.rows <= rows // 2]
        after += len(whole) - len(small)
        for group in _groups(small, rows):
            after += 1
            if len(group) > 1:
                _merge(place, group)
    return before, after


def _groups(shards: list[CommittedShard], rows: int) -> Iterator[list[CommittedShard]]:
    group: list[CommittedShard] = []
    for shard in shards:
        if group and (
            sum(s.manifest.rows for s in group) + shard.manifest.rows > rows
            or shard.manifest.hidden_size != group[0].manifest.hidden_size
        ):
            yield group
            group = []
        group.append(shard)
    if group:
        yield group


def _merge(place: Place, group: list[CommittedShard]) -> None:
    names = [shard.manifest.name for shard in group]
    digests, features, seconds = [], [], 0.0
    for opened in open_shards(place, place.address.name, place.entries(), names):
        if isinstance(opened, BadShard):  # another compaction was first
            return
        digests.append(opened.digests)
        with opened.shard.open() as rows:
            features.append(rows.take(np.arange(opened.shard.manifest.rows)))
        seconds += opened.shard.manifest.encode_seconds
    all_digests = np.concatenate(digests)
    _, first = np.unique(all_digests, axis=0, return_index=True)
    first.sort()
    written = group[0].manifest.written | {"encode_seconds": seconds * len(first) / len(all_digests)}
    try:
        merged = commit_shard(place, place.address.name, all_digests[first], np.concatenate(features)[first], written)
        for name in names:
            if name != merged.manifest.name:
                _remove_shard(place, name)
    except OSError as e:
        raise StoreError(f"{place.address} cannot be compacted: {e.strerror or e}; nothing was lost") from e
