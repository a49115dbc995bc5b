"""Care for the stores of a cache folder: list, verify, remove what is old, remove all, compact.

Nothing here needs a lock. Manifests are removed before the files that they vouch for, and new shards are committed
before old ones go, so that a reader or a crash at any moment finds whole shards or none. Files that are not the
store's are left alone, and symbolic links are not followed.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featx.errors import SettingsError, StoreError
from featx.features.store.manifest import CHECKS, DIGESTS, FEATURES, MANIFEST, damaged_file
from featx.features.store.place import USED, manifests
from featx.features.store.shard import SHARD_NAME_LENGTH, DiskShard, open_shard, write_shard
from featx.files import TEMPORARY_PREFIX, fsync
from featx.settings import CachePlace, CacheUrl

#: A file that no manifest vouches for may be under way for this long; a writer takes seconds.
_UNDER_WAY_SECONDS = 24 * 3600.0
#: Rows of a compacted shard.
COMPACT_ROWS = 1 << 20

#: Checkpoints that featx builds in the cache folder; any other there is the user's.
BUILT_CHECKPOINTS = ("demo-*", ".demo-*")

_SPEC_NAME = re.compile(r"[0-9a-f]{64}")
_SHARD_FILE = re.compile(rf"[0-9a-f]{{{SHARD_NAME_LENGTH}}}\.(npy|checks|digests|json)")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class StoreFacts:
    """One store: what its features are, and how much there is of them.

    Attributes
    ----------
    folder : Path
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


@dataclass(frozen=True)
class BadShard:
    """A shard that is not what was written, and how that shows."""

    path: CachePlace
    reason: str


def store_folders(cache_dir: Path) -> list[Path]:
    """Folders of the stores under a cache folder, sorted."""
    root = cache_dir / "features"
    if not root.is_dir():
        return []
    return sorted(p for p in root.iterdir() if _SPEC_NAME.fullmatch(p.name) and p.is_dir() and not p.is_symlink())


def list_stores(cache_dir: CachePlace) -> list[StoreFacts]:
    """Every store, the last used first."""
    if isinstance(cache_dir, CacheUrl):
        from featx.features.store import bucket_maintenance

        facts = bucket_maintenance.facts(cache_dir)
    else:
        facts = [_facts(folder) for folder in store_folders(cache_dir)]
    return sorted(facts, key=lambda store: -store.last_used)


def _facts(folder: Path) -> StoreFacts:
    opened = [shard for path in manifests(folder) if (shard := open_shard(path)) is not None]
    try:
        spec = json.loads((folder / "spec.json").read_text())
    except (OSError, ValueError):
        spec = {}
    used = folder / USED
    last_used = used.stat().st_mtime if used.exists() else folder.stat().st_mtime
    size = 0
    for path in _own_files(folder):
        with suppress(FileNotFoundError):  # a writer has just renamed it
            size += path.stat().st_size
    texts = sum(shard.manifest.rows for shard, _ in opened)
    return StoreFacts(folder, spec if isinstance(spec, dict) else {}, len(opened), texts, size, last_used)


def _own_files(folder: Path) -> Iterator[Path]:
    """Files that the store wrote, temporary ones too."""
    for path in folder.iterdir():
        name = path.name
        if (_SHARD_FILE.fullmatch(name) or name.startswith(TEMPORARY_PREFIX)) and not path.is_symlink():
            yield path


def verify(
    cache_dir: CachePlace, remove: bool = False, on_shard: Callable[[CachePlace], None] | None = None
) -> list[BadShard]:
    """Read every byte of every shard and compare it with its manifest.

    Parameters
    ----------
    cache_dir : Path or CacheUrl
    remove : bool
        Whether to remove bad shards; their texts are then encoded again when they are wanted.
    on_shard : callable, optional
        Called with each manifest's path before its shard is read.
    """
    if isinstance(cache_dir, CacheUrl):
        from featx.features.store import bucket_maintenance

        return bucket_maintenance.verify(cache_dir, remove, on_shard)
    bad = []
    for folder in store_folders(cache_dir):
        for path in manifests(folder):
            if on_shard:
                on_shard(path)
            reason = _what_is_wrong(path)
            if reason is not None:
                bad.append(BadShard(path, reason))
                if remove:
                    _remove_shard(path)
    return bad


def _what_is_wrong(path: Path) -> str | None:
    try:
        opened = open_shard(path)
    except StoreError as e:
        return str(e)
    if opened is None:
        return "manifest or digests are damaged, or a file is missing or cut short"
    return damaged_file(path.stem, opened[0].manifest, lambda suffix: _blocks(path.with_suffix(suffix)))


def _blocks(path: Path) -> Iterator[bytes]:
    with suppress(OSError), path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _remove_shard(path: Path) -> None:
    """The manifest first, so that a crash leaves files that no one believes."""
    for suffix in (MANIFEST, DIGESTS, CHECKS, FEATURES):
        with suppress(FileNotFoundError):
            path.with_suffix(suffix).unlink()


def gc(cache_dir: CachePlace, older_than_seconds: float | None = None, max_size: int | None = None) -> list[StoreFacts]:
    """Remove stores that were not used for long, then the least used until all fit into `max_size` bytes.

    What a live process may be writing is never touched: files without a manifest stay for a day.

    Returns
    -------
    list of StoreFacts
        The stores whose shards were removed.
    """
    cache_dir = _on_disk(cache_dir, "gc")
    stores = list_stores(cache_dir)
    if not stores:
        return []
    now = _now(cache_dir)
    kept: list[StoreFacts] = []
    removed: list[StoreFacts] = []
    for store in stores:
        is_old = older_than_seconds is not None and now - store.last_used > older_than_seconds
        (removed if is_old else kept).append(store)
    if max_size is not None:
        while kept and sum(store.size for store in kept) > max_size:
            removed.append(kept.pop())
    for store in removed:
        for path in manifests(cache_dir / "features" / store.folder.name):
            _remove_shard(path)
    for folder in store_folders(cache_dir):
        _remove_leftovers(folder, now)
    return [store for store in removed if store.shards]


def _remove_leftovers(folder: Path, now: float) -> None:
    """Files of writers that died: those without a manifest that are a day old."""
    for path in list(_own_files(folder)):
        vouched_for = path.suffix != MANIFEST and path.with_suffix(MANIFEST).exists()
        if path.suffix == MANIFEST or (vouched_for and not path.name.startswith(TEMPORARY_PREFIX)):
            continue
        with suppress(FileNotFoundError):
            if now - path.stat().st_mtime > _UNDER_WAY_SECONDS:
                path.unlink()


def _on_disk(cache_dir: CachePlace, command: str) -> Path:
    if isinstance(cache_dir, CacheUrl):
        raise SettingsError(
            f"featx cache {command} works on folders only, not on {cache_dir}; remove objects under "
            f"{cache_dir}/features with the store's own tools, while nothing writes there"
        )
    return cache_dir


def _now(cache_dir: Path) -> float:
    """Time by the clock of the disk that holds the cache: a host whose clock is wrong must not age others' files."""
    try:
        with tempfile.NamedTemporaryFile(dir=cache_dir, prefix=TEMPORARY_PREFIX) as probe:
            return Path(probe.name).stat().st_mtime
    except OSError as e:
        raise StoreError(f"the cache folder {cache_dir} cannot be written: {e.strerror or e}") from e


def clear(cache_dir: CachePlace) -> list[StoreFacts]:
    """Remove every store, and the checkpoints that were built in the cache folder."""
    cache_dir = _on_disk(cache_dir, "clear")
    stores = list_stores(cache_dir)
    for store in stores:
        folder = cache_dir / "features" / store.folder.name
        for path in manifests(folder):
            _remove_shard(path)
        for path in [*_own_files(folder), folder / "spec.json", folder / USED]:
            path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty: something in it is not ours
            folder.rmdir()
    for pattern in BUILT_CHECKPOINTS:
        for folder in (cache_dir / "checkpoints").glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)
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
    cache_dir = _on_disk(cache_dir, "compact")
    before = after = 0
    for folder in store_folders(cache_dir):
        paths = manifests(folder)
        opened = [shard[0] for path in paths if (shard := open_shard(path)) is not None]
        before += len(opened)
        small = [shard for shard in opened if shard.manifest.rows <= rows // 2]
        after += len(opened) - len(small)
        for group in _groups(small, rows):
            after += 1
            if len(group) > 1:
                _merge(folder, group)
    return before, after


def _groups(shards: list[DiskShard], rows: int) -> Iterator[list[DiskShard]]:
    group: list[DiskShard] = []
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


def _merge(folder: Path, group: list[DiskShard]) -> None:
    digests, features, seconds = [], [], 0.0
    for shard in group:
        opened = open_shard(shard.path)
        if opened is None:  # another compaction was first
            return
        digests.append(opened[1])
        with shard.open() as rows:
            features.append(rows.take(np.arange(shard.manifest.rows)))
        seconds += shard.manifest.encode_seconds
    all_digests = np.concatenate(digests)
    _, first = np.unique(all_digests, axis=0, return_index=True)
    first.sort()
    written = group[0].manifest.written | {"encode_seconds": seconds * len(first) / len(all_digests)}
    try:
        merged = write_shard(folder, all_digests[first], np.concatenate(features)[first], written)
        for shard in group:
            if shard.path != merged:
                _remove_shard(shard.path)
        fsync(folder)
    except OSError as e:
        raise StoreError(f"{folder} cannot be compacted: {e.strerror or e}; nothing was lost") from e
