"""The one writer of files and folders: each is complete or absent, whatever happens while it is written.

What is written lies under a temporary name in the same folder, is flushed to the disk, and takes its final name at
once; then the name itself is made durable. So a full disk, an error or a kill at any moment leaves what was there
before, or the whole of the new, and nothing else but a file or folder that starts with `TEMPORARY_PREFIX`.
Imports nothing of featx.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Names of what is being written start with this; readers pass over them.
TEMPORARY_PREFIX = ".tmp-"


def write_file(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Write `chunks` to `path`, all or nothing; a file that is there is replaced at once.

    Raises
    ------
    OSError
        If the disk is full or cannot be written; nothing is left behind then.

    Notes
    -----
    Written with ``write()``: a full disk is then an error; through a memory map it would be a crash. Every system call
    goes through `os`, so that the fault tests can stand between.
    """
    with _renamed(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            for chunk in chunks:
                _write_all(descriptor, memoryview(chunk).cast("B"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which takes the place of `path` when the block ends well and vanishes otherwise.

    For libraries that write files themselves. The folder of `path` is made where it is missing.

    Raises
    ------
    OSError
        If it cannot be written; what stood there is then as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _renamed(path) as temporary:
        yield temporary
        fsync(temporary)


@contextmanager
def whole_folder(path: Path, *, keep_first: bool = False) -> Iterator[Path]:
    """Yield a folder to fill, which takes the place of `path` when the block ends well and vanishes otherwise.

    Parameters
    ----------
    path : Path
        Its parents are made where they are missing. A symbolic link there is replaced, never followed.
    keep_first : bool
        Whether a folder that another process finished meanwhile stays, and this one vanishes: for folders whose content
        follows from their name.

    Raises
    ------
    OSError
        If it cannot be written, or a file is in the way; what stood there is then as it was.

    Notes
    -----
    A folder cannot be replaced by one system call. Killed between the two renames, the old one lies beside its place
    under a temporary name, and the place is empty: absent, never half.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    building = _temporary_name(path)
    os.mkdir(building)  # noqa: PTH102
    try:
        yield building
        for written in [*building.rglob("*"), building]:
            fsync(written)
        if keep_first:
            _rename_unless_there(building, path)
        else:
            _replace_folder(building, path)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    fsync(path.parent)


def fsync(path: Path) -> None:
    """Make a file's content durable, or the names in a folder.

    Raises
    ------
    OSError
        If the disk fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary_name(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{uuid.uuid4().hex}")


@contextmanager
def _renamed(path: Path) -> Iterator[Path]:
    temporary = _temporary_name(path)
    try:
        yield temporary
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    fsync(path.parent)


def _write_all(descriptor: int, data: memoryview) -> None:
    while len(data):
        data = data[os.write(descriptor, data) :]


def _rename_unless_there(building: Path, path: Path) -> None:
    try:
        os.rename(building, path)  # noqa: PTH104
    except OSError as e:
        if e.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(building, ignore_errors=True)


def _replace_folder(building: Path, path: Path) -> None:
    if not os.path.lexists(path):
        os.rename(building, path)  # noqa: PTH104
        return
    if not path.is_dir() and not path.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "a file is in the way of a folder", str(path))
    old = _temporary_name(path)
    os.rename(path, old)  # noqa: PTH104
    try:
        os.rename(building, path)  # noqa: PTH104
    except BaseException:
        if os.path.lexists(path):  # another writer was faster, and its folder is whole
            _remove(old)
        else:
            os.rename(old, path)  # noqa: PTH104
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
