"""A file by which a process elsewhere knows that it sees the same cache."""

from __future__ import annotations

from contextlib import suppress

from featx.features.store.places import find_place
from featx.settings import CachePlace


def leave_token(cache: CachePlace, name: str) -> None:
    """Write an empty file.

    Raises
    ------
    OSError
        If the cache cannot be written.
    """
    place = find_place(cache)
    place.make()
    place.touch(name)


def sees_token(cache: CachePlace, name: str) -> bool:
    """Return whether the file is there."""
    with suppress(OSError):
        return find_place(cache).read([name]) != [None]
    return False


def remove_token(cache: CachePlace, name: str) -> None:
    """Remove the file, if it can be."""
    with suppress(OSError):
        find_place(cache).remove([name])
