"""`Disk`: a folder on disk, local or shared. Symbolic links in it are not followed."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from shutil import disk_usage
from typing import Any

import numpy as np

from featx.features.store.place import CHANGED_SIZE, Chunks, DamagedError, Digests, Entry, Features, Rows
from featx.files import write_file

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Disk:
    """The files in a folder."""

    address: Path
    at_once: int = 1

    def child(self, name: str) -> Disk:
        """Return the folder of that name in this one."""
        return Disk(self.address / name)

    def children(self) -> list[str]:
        """Return the names of the folders in this one, sorted."""
        try:
            return sorted(path.name for path in self.address.iterdir() if path.is_dir() and not path.is_symlink())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def entries(self) -> dict[str, Entry]:
        """Return the files in the folder."""
        found = {}
        try:
            for path in self.address.iterdir():
                with suppress(FileNotFoundError):  # a writer has just renamed it
                    facts = path.lstat()
                    if stat.S_ISREG(facts.st_mode):
                        found[path.name] = Entry(facts.st_size, facts.st_mtime)
        except FileNotFoundError:
            return {}
        return found

    def make(self) -> None:
        """Make the folder."""
        self.address.mkdir(parents=True, exist_ok=True)

    def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the content of files."""
        found: list[bytes | None] = []
        for name in names:
            path = self.address / name
            try:
                # a link could lead out of the store, and a pipe never end
                found.append(path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else None)
            except OSError:
                found.append(None)
        return found

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """Yield a file in parts, whatever its size."""
        with suppress(OSError), (self.address / name).open("rb") as file:
            while block := file.read(_BLOCK):
                yield block

    @contextmanager
    def open_rows(
        self, names: Sequence[str], header: bytes, shape: tuple[int, int], wanted: Rows | None
    ) -> Iterator[_MappedRows]:
        """Open the files; they are mapped, so that any number of shards can be open."""
        features, checks, digests = (self.address / name for name in names)
        with features.open("rb", buffering=0) as file:
            if file.read(len(header)) != header:
                raise DamagedError("has another header than was written")
            try:
                mapped = _MappedRows(
                    file,
                    len(header),
                    np.memmap(file, "<f4", "r", offset=len(header), shape=shape),
                    np.asarray(np.memmap(checks, "<u8", "r", shape=(shape[0],))),
                    np.asarray(np.memmap(digests, "<u8", "r", shape=(shape[0], 2))),
                )
            except ValueError as e:  # a map beyond the end of the file
                raise DamagedError(CHANGED_SIZE) from e
            yield mapped

    def write(self, name: str, chunks: Chunks) -> None:
        """Write a file, all or nothing."""
        write_file(self.address / name, chunks)

    def create(self, name: str, chunks: Chunks) -> bool:
        """Write a file, all or nothing, also over one that is there: equal names have equal rows."""
        self.write(name, chunks)
        return True

    def touch(self, name: str) -> None:
        """Give an empty file the time of now."""
        (self.address / name).touch()

    def remove(self, names: Sequence[str]) -> None:
        """Remove files."""
        for name in names:
            (self.address / name).unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        """Remove the folder; what is in it and not the store's keeps it."""
        with suppress(OSError):
            self.address.rmdir()

    def check_removal(self, command: str) -> None:
        """Allow every command."""

    def facts(self) -> dict[str, Any]:
        """Return whether the folder, or the one it would be made in, can be written, and the room there."""
        there = next((p for p in (self.address, *self.address.parents) if p.is_dir()), Path("/"))
        try:
            with tempfile.TemporaryFile(dir=there):
                writable: bool | str = True
        except OSError as e:
            writable = f"no: {e.strerror or e}"
        return {"writable": writable, "free": f"{disk_usage(there).free / 2**30:.1f} GiB"}


@dataclass(frozen=True)
class _MappedRows:
    """Files of a shard while they are read."""

    file: FileIO
    start: int
    features: Features
    checks: Digests
    digests: Digests

    def take(self, at: Rows | slice) -> Features:
        """Return the vectors at rows or a slice."""
        return np.asarray(self.features[at], np.float32)

    def copy(self, at: Rows | slice, into: Features) -> None:
        """Write them into a contiguous matrix; rows that follow each other are read straight into it."""
        if isinstance(at, slice):  # reading spares the page faults of the map
            self.file.seek(self.start + at.start * into.shape[1] * into.itemsize)
            if self.file.readinto(into.data.cast("B")) != into.nbytes:
                raise DamagedError(CHANGED_SIZE)
        else:
            into[:] = self.features[at]
