"""A file by which a process elsewhere knows that it sees the same cache."""

from __future__ import annotations

from contextlib import suppress

from featx.settings import CachePlace, CacheUrl


def leave_token(cache: CachePlace, name: str) -> None:
    """Write an empty file.

    Raises
    ------
    OSError
        If the cache cannot be written.
    """
    if isinstance(cache, CacheUrl):
        from featx.features.store.objects import Objects

        Objects(cache).put(name, b"")
    else:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / name).touch()


def sees_token(cache: CachePlace, name: str) -> bool:
    """Whether the file is there."""
    if isinstance(cache, CacheUrl):
        from featx.features.store.objects import Objects

        try:
            return Objects(cache).exists(name)
        except OSError:
            return False
    return (cache / name).exists()


def remove_token(cache: CachePlace, name: str) -> None:
    """Remove the file, if it can be."""
    with suppress(OSError):
        if isinstance(cache, CacheUrl):
            from featx.features.store.objects import Objects

            Objects(cache).remove(name)
        else:
            (cache / name).unlink(missing_ok=True)
