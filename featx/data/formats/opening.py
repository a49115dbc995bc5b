"""Open files that others made: regular ones alone, decompressed as they are read, and never without bound."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from featx.errors import DataError

#: Decompressed bytes below which nothing is called too much, and bytes out of one byte that no texts give.
_FLOOR, _RATIO = 16 << 20, 100
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError)


def open_regular(path: Path) -> BinaryIO:
    """Return the bytes of a regular file; never waits, as a named pipe would.

    Raises
    ------
    DataError
        If it is none, or cannot be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
        kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
        if kind == stat.S_IFREG:
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
    except (OSError, ValueError) as e:
        raise DataError(f"{path}: cannot be read: {getattr(e, 'strerror', None) or e}") from e
    raise DataError(f"{path} is {_KINDS.get(kind, 'no file')}, not a file; give a regular file")


def open_bytes(path: Path, compression: str | None) -> BinaryIO:
    """Return the bytes of a regular file, decompressed where `compression` is one of `COMPRESSIONS`.

    Raises
    ------
    DataError
        If it cannot be read, now or later.
    """
    raw = open_regular(path)
    start = raw.read(len(_LFS_POINTER))
    raw.seek(0)
    if start == _LFS_POINTER:
        raw.close()
        raise DataError(f"{path}: a pointer of Git LFS and not the data; fetch it with: git lfs pull")
    if compression is None:
        return raw
    try:
        inner = _DECOMPRESS[compression](raw, path)
    except _BROKEN as e:
        raw.close()
        raise _broken(path, compression, e) from e
    except DataError:
        raw.close()
        raise
    return cast(BinaryIO, io.BufferedReader(_Expanding(inner, raw, path, compression)))


@contextmanager
def compressing(file: BinaryIO, compression: str | None, name: str) -> Iterator[BinaryIO]:
    """Yield a file that is written into `file`, compressed; `name` is that of the one file in a .zip."""
    if compression is None:
        yield file
        return
    with _COMPRESS[compression](file, name) as inner:
        yield inner


class _Expanding(io.RawIOBase):
    """What comes out of a compressed file, as long as it is in proportion to what went in."""

    def __init__(self, inner: Any, raw: BinaryIO, path: Path, compression: str) -> None:
        self._inner, self._raw, self._path, self._compression = inner, raw, path, compression
        self._total = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._inner.read(len(buffer))
        except _BROKEN as e:
            raise _broken(self._path, self._compression, e) from e
        self._total += len(data)
        if self._total > _FLOOR and self._total > _RATIO * max(self._raw.tell(), 1):
            raise DataError(
                f"{self._path}: grows more than {_RATIO} times when it is decompressed, as no texts do; decompress it "
                "yourself if you trust it"
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def _broken(path: Path, compression: str, error: Exception) -> DataError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(f"{path}: not readable as {compression}: {reason}; the file is damaged or has another suffix")


def _unzip(raw: BinaryIO, path: Path) -> Any:
    archive = zipfile.ZipFile(raw)
    members = [info for info in archive.infolist() if not info.is_dir() and not info.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        raise DataError(f"{path}: holds {len(members)} files, expected one; unpack it and give the file or the folder")
    return archive.open(members[0])


def _unzstd(raw: BinaryIO, path: Path) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")


#: Suffix of each compression, to what opens it.
_DECOMPRESS: dict[str, Callable[[BinaryIO, Path], Any]] = {
    ".gz": lambda raw, _: gzip.GzipFile(fileobj=raw),
    ".bz2": lambda raw, _: bz2.BZ2File(raw),
    ".xz": lambda raw, _: lzma.LZMAFile(raw),  # noqa: SIM115  closed with what it reads
    ".zip": _unzip,
    ".zst": _unzstd,
}
COMPRESSIONS = tuple(_DECOMPRESS)


@contextmanager
def _zip_member(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w", force_zip64=True) as out:
        yield cast(BinaryIO, out)


def _zstd(file: BinaryIO, _: str) -> Any:
    import pyarrow as pa

    return pa.CompressedOutputStream(pa.PythonFile(_LeftOpen(file), mode="w"), "zstd")


class _LeftOpen(io.RawIOBase):
    """Writes into a file that stays open when this is closed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)


_COMPRESS: dict[str, Callable[[BinaryIO, str], Any]] = {
    ".gz": lambda file, _: gzip.GzipFile("", "wb", fileobj=file, mtime=0),
    ".bz2": lambda file, _: bz2.BZ2File(file, "wb"),
    ".xz": lambda file, _: lzma.LZMAFile(file, "wb"),  # noqa: SIM115  the caller closes it
    ".zip": _zip_member,
    ".zst": _zstd,
}
