"""List and verify the stores of an object store."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from featx.errors import StoreError
from featx.features.store.bucket import Bucket, shard_names
from featx.features.store.maintenance import BadShard, StoreFacts
from featx.features.store.manifest import MANIFEST
from featx.features.store.objects import Objects
from featx.features.store.place import DESCRIPTION, USED
from featx.features.store.shard import SHARD_NAME_LENGTH
from featx.settings import CachePlace, CacheUrl

_SPEC_NAME = re.compile(r"[0-9a-f]{64}")
_SHARD_OBJECT = re.compile(rf"[0-9a-f]{{{SHARD_NAME_LENGTH}}}\.(npy|checks|digests|json)")
#: What back ends call the time of an object's last change.
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")


def stores(url: CacheUrl) -> list[Bucket]:
    """The stores under a URL, by name."""
    root = url / "features"
    try:
        names = sorted(name for name in Objects(root).entries() if _SPEC_NAME.fullmatch(name))
    except OSError as e:
        raise _unreadable(url, e) from e
    return [Bucket(root / name) for name in names]


def facts(url: CacheUrl) -> list[StoreFacts]:
    """What each store holds."""
    return [_facts(bucket) for bucket in stores(url)]


def _facts(bucket: Bucket) -> StoreFacts:
    shards = list(bucket.shards())
    try:
        entries = bucket.objects.entries()
        described = bucket.objects.get_all([DESCRIPTION])[0]
    except OSError as e:
        raise _unreadable(bucket.url, e) from e
    try:
        spec = json.loads(described or b"")
    except ValueError:
        spec = {}
    size = sum(int(entry.get("size") or 0) for name, entry in entries.items() if _SHARD_OBJECT.fullmatch(name))
    texts = sum(shard.manifest.rows for shard, _ in shards)
    used = _changed(entries.get(USED, {}))
    return StoreFacts(bucket.url, spec if isinstance(spec, dict) else {}, len(shards), texts, size, used)


def _changed(entry: dict[str, Any]) -> float:
    """Seconds since the epoch, 0 where the back end does not tell."""
    when = next((entry[key] for key in _TIMES if entry.get(key)), None)
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            return 0.0
    if isinstance(when, datetime):
        return when.timestamp()
    return float(when) if isinstance(when, int | float) else 0.0


def verify(url: CacheUrl, remove: bool, on_shard: Callable[[CachePlace], None] | None) -> list[BadShard]:
    """Read every byte of every shard, see `maintenance.verify`."""
    bad = []
    try:
        for bucket in stores(url):
            entries = bucket.objects.entries()
            for name in shard_names(entries):
                path = bucket.url / (name + MANIFEST)
                if on_shard:
                    on_shard(path)
                reason = bucket.what_is_wrong(name, entries)
                if reason is not None:
                    bad.append(BadShard(path, reason))
                    if remove:
                        bucket.remove(name)
    except OSError as e:
        raise _unreadable(url, e) from e
    return bad


def _unreadable(url: CacheUrl, error: OSError) -> StoreError:
    return StoreError(
        f"the cache {url} cannot be read: {error.strerror or error}; check network and permissions, or choose another "
        "--cache-dir"
    )
