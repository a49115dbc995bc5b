"""Unlabelled texts out of large files, a row at a time, in every format that labelled data may have, and lines.

Unlike the reader of labelled data nothing is held in memory but the row at hand. Rows are checked as they come.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from featx.data.columns import find_text_position
from featx.data.formats import ReadOptions, Source, find_format, open_table
from featx.data.formats.decoding import text_lines
from featx.data.raw import RawSplit, checked_texts
from featx.errors import DataError


def stream_texts(path: Path, text_column: str | None = None, options: ReadOptions | None = None) -> Iterator[str]:
    """Yield the texts of a file, in order.

    Parameters
    ----------
    path : Path
        A table by its suffix, as for labelled data; ``.txt`` holds one text a line, empty lines left out.
    text_column : str, optional
        Of a table; that of `options`, or found by name, when None.
    options : ReadOptions, optional

    Raises
    ------
    DataError
        At the first row that is wrong; names file, row and remedy.
    """
    wanted = options or ReadOptions()
    if text_column is not None:
        wanted = ReadOptions(**(vars(wanted) | {"text_column": text_column}))
    try:
        table = open_table(path, wanted)
        at = find_text_position(table, wanted)
        for number, values in table.rows((at,)):
            where = f"{table.word} {number}"
            yield checked_texts(RawSplit(str(path), values, [], lambda _, where=where: where))[0]  # type: ignore[misc]
    except OSError as e:
        raise DataError(f"{path}: cannot be read: {e.strerror or e}") from e


def stream_lines(file: BinaryIO, source: str, encoding: str | None = None) -> Iterator[str]:
    r"""Yield the lines of a binary stream that hold more than blanks; they end at ``\n`` or ``\r\n``."""
    for line in text_lines(file, source, encoding):
        if line.strip():
            yield line


def count_rows(path: Path) -> int | None:
    """Return at most how many rows `stream_texts` gives, without parsing: for a progress bar. None if not known."""
    found = find_format(path)
    if found is None or found[0].count is None:
        return None
    try:
        return found[0].count(Source(path, found[1]))
    except (DataError, OSError, ValueError):
        return None
