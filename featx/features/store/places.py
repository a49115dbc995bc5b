"""Where a place is made of an address: a folder, or a URL of an object store."""

from __future__ import annotations

from pathlib import Path

from featx.features.store.bucket import Bucket
from featx.features.store.disk import Disk
from featx.features.store.place import Place
from featx.settings import CachePlace


def find_place(address: CachePlace) -> Place:
    """Return the place at a folder or URL."""
    return Disk(address) if isinstance(address, Path) else Bucket(address)
