"""`Format`: how one kind of file is read and written; `Table`: what a reader hands on.

A format is one file in this folder with a list ``FORMATS``; nothing else has to know of it. It is read row by row, so
that the same reader serves labelled data and predictions for files larger than memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from featx.data.formats.opening import open_bytes
from featx.data.wrong import Wrong as Wrong
from featx.settings import Quoting, TableSettings

#: Number of the row in the file, and one value for each column that was asked for.
Row = tuple[int, Sequence[object]]


@dataclass(frozen=True)
class ReadOptions:
    """How tables are read; see `TableSettings`, which says what each means."""

    text_column: str | None = None
    label_column: str | None = None
    delimiter: str | None = None
    header: bool = True
    quoting: Quoting = Quoting.AUTO
    encoding: str | None = None

    @classmethod
    def of(cls, settings: TableSettings) -> ReadOptions:
        """Return what `settings` say of tables."""
        return cls(
            settings.text_column,
            getattr(settings, "label_column", None),
            settings.delimiter,
            settings.header,
            settings.quoting,
            settings.encoding,
        )


@dataclass(frozen=True)
class Source:
    """A file on disk.

    Attributes
    ----------
    path : Path
    compression : str or None
        Suffix of the compression, such as ``.gz``.
    """

    path: Path
    compression: str | None = None

    def __str__(self) -> str:
        return str(self.path)

    def open(self) -> BinaryIO:
        """Return the file's bytes, decompressed as they are read.

        Raises
        ------
        DataError
            If it is no regular file, cannot be read, or grows beyond all measure when decompressed.
        """
        return open_bytes(self.path, self.compression)


@dataclass(frozen=True)
class Table:
    """Columns of a file, and its rows as they are asked for.

    Attributes
    ----------
    source : str
        The file, for messages.
    columns : tuple of str
        Names as the file has them: some may be empty or stand twice.
    rows : callable
        From positions of columns to an iterator of rows: number and values. A row that cannot be read has `Wrong`
        for each value.
    word : str
        What a row's number counts: ``line`` or ``row``.
    label_names : mapping
        Names of the classes that the file states, by column.
    has_header : bool
        Whether the columns' names come from a line of the file that could be a row.
    notes : sequence of str
        What was found out about the file by now, to be said once; rows that are read may add to it.
    all_columns : callable, optional
        Returns `columns` and those that later rows alone have, at a reading of the whole file; None: there are none.
    """

    source: str
    columns: tuple[str, ...]
    rows: Callable[[Sequence[int]], Iterator[Row]]
    word: str = "line"
    label_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    has_header: bool = False
    notes: Sequence[str] = ()
    all_columns: Callable[[], tuple[str, ...]] | None = None


class Writer(Protocol):
    """Takes rows, batch by batch."""

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows; all have the same names."""

    def close(self) -> None:
        """End the file."""


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes
    ----------
    name : str
        In messages.
    suffixes : tuple of str
    read : callable
    write : callable, optional
        From an open file, and whether formulas are to be escaped, to a `Writer`; None: not written.
    count : callable, optional
        From a source to its number of rows, without reading them.
    compressible : bool
        Whether it is read and written compressed as well.
    labelled : bool
        Whether rows have more than one column.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Source, ReadOptions], Table]
    write: Callable[[BinaryIO, bool], Writer] | None = None
    count: Callable[[Source], int | None] | None = None
    compressible: bool = False
    labelled: bool = True
