"""Files that are complete or absent, whatever happens while they are written.

Written under a temporary name in the same folder with ``write()`` (a full disk is then an error; through a
memory map it would be a crash), fsynced, renamed to the final name, and the folder fsynced.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

#: Temporary files start with this; readers pass over them.
TEMPORARY_PREFIX = ".tmp-"


def write_file(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Write `chunks` to `path`, all or nothing; an existing file is replaced at once.

    Raises
    ------
    OSError
        If the disk is full or cannot be written; nothing is left behind then.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{uuid.uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        try:
            for chunk in chunks:
                _write_all(descriptor, memoryview(chunk).cast("B"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)  # noqa: PTH105 (every system call of a commit goes through `os`)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    fsync_folder(path.parent)


def _write_all(descriptor: int, data: memoryview) -> None:
    while len(data):
        data = data[os.write(descriptor, data) :]


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
