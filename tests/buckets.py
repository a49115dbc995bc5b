"""A bucket from outside: what others do to the objects of a cache."""

from __future__ import annotations

import obstore

from featx.features.store import objects
from featx.settings import CacheUrl


def bucket_of(url: CacheUrl) -> object:
    scheme, _, path = str(url).partition("://")
    return objects._bucket(f"{scheme}://{path.partition('/')[0]}")


def keys(url: CacheUrl, suffix: str = "") -> list[str]:
    """Keys under a URL that end so, sorted."""
    prefix = str(url).partition("://")[2].partition("/")[2]
    found = [entry["path"] for batch in obstore.list(bucket_of(url), prefix) for entry in batch]
    return sorted(key for key in found if key.endswith(suffix))


def content(url: CacheUrl, key: str) -> bytes:
    return bytes(obstore.get(bucket_of(url), key).bytes())


def change(url: CacheUrl, key: str, data: bytes) -> None:
    obstore.put(bucket_of(url), key, data)


def lose(url: CacheUrl, key: str) -> None:
    obstore.delete(bucket_of(url), key)
