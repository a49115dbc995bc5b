"""One process at a time makes a run: a lock that dies with the process that holds it. May import ``errors``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from featx.errors import RunError


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the lock of the run in `folder` while the context lasts.

    It is a file beside the folder, under a hidden name, that the operating system locks for this process (``flock``):
    whatever ends the process ends the lock. On file systems without locks, and on Windows, nothing is locked.

    Parameters
    ----------
    folder : Path
        Need not exist; its parent is made where it is missing.

    Raises
    ------
    RunError
        If another process holds it.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = folder.with_name(f".{folder.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            with suppress(_NoLocksError):
                _lock(fcntl, descriptor, folder)
            if not _is(path, descriptor):
                continue  # whoever held it has removed the file meanwhile: there is a new one to lock
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return
        finally:
            os.close(descriptor)


class _NoLocksError(Exception):
    """The file system knows no locks."""


def _lock(fcntl: object, descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[attr-defined]
    except BlockingIOError as e:
        raise RunError(
            f"another process is making the run in {folder}; wait for it, or give another `experiment` or seed"
        ) from e
    except OSError as e:
        raise _NoLocksError from e


def _is(path: Path, descriptor: int) -> bool:
    with suppress(OSError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False
