"""Where the rows of a CSV or TSV file begin, what its columns are called, and what stands between its cells."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from featx.data.columns import known_columns
from featx.data.formats.decoding import table_lines
from featx.data.formats.quoting import strict_rows
from featx.data.formats.table import ReadOptions, Source
from featx.errors import DataError

#: Lines that are looked at.
_PEEK = 100
#: Characters that may stand between cells, and the line in which Excel writes down which.
_DELIMITERS = (",", ";", "\t", "|")
_SEP = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """What was found at the beginning of a file.

    Attributes
    ----------
    delimiter : str
    columns : tuple of str
    skip : int
        Lines before the header, or before the first row where there is no header.
    has_header : bool
    notes : tuple of str
    """

    delimiter: str
    columns: tuple[str, ...]
    skip: int
    has_header: bool
    notes: tuple[str, ...] = ()


def find_layout(source: Source, options: ReadOptions, usual: str) -> Layout:
    """Return the layout of a file whose suffix stands for the delimiter `usual`.

    Raises
    ------
    DataError
        If the file is empty, or its header cannot be read.
    """
    with source.open() as file:
        start = list(itertools.islice(table_lines(file, str(source), options.encoding), _PEEK))
    if not any(line.strip() for line in start):
        raise DataError(f"{source}: the file is empty; expected a header line with a text and a label column")
    notes: list[str] = []
    delimiter, skip = options.delimiter, 0
    if (found := _SEP.fullmatch(start[0].strip("\r\n"))) is not None:
        delimiter, skip = delimiter or found[1], 1
    while skip < len(start) and not start[skip].strip("\r\n"):
        skip += 1
    if delimiter is None:
        delimiter = _found_delimiter(start[skip:], options, usual)
    if options.header:
        n_comments = _comments(start[skip:], delimiter, options)
        if n_comments:
            skip += n_comments
            notes.append(f"{n_comments} comment lines before the header left out")
    if delimiter != (options.delimiter or usual):
        notes.append(f"cells are divided at {delimiter!r}")
    rows = strict_rows(iter(start[skip:]), delimiter, options.quoting != "off", str(source), skip + 1)
    _, _, cells = next(rows, (0, 0, []))
    columns = tuple(cells if options.header else map(str, range(len(cells))))
    return Layout(delimiter, columns, skip, options.header, tuple(notes))


def _found_delimiter(start: Sequence[str], options: ReadOptions, usual: str) -> str:
    """Return another delimiter than the usual one where only that makes columns of the first lines."""
    lines = [line for line in start if not line.startswith("#")][:20] or list(start[:1])
    if options.header:
        lines = lines[:1]
    n_usual = {len(_cells(line, usual)) for line in lines}
    if n_usual != {1} or (options.header and known_columns(_cells(lines[0], usual), options)):
        return usual
    for delimiter in _DELIMITERS:
        counts = {len(_cells(line, delimiter)) for line in lines}
        if (
            len(counts) == 1
            and counts != {1}
            and (not options.header or known_columns(_cells(lines[0], delimiter), options) or counts == {2})
        ):
            return delimiter
    return usual


def _comments(start: Sequence[str], delimiter: str, options: ReadOptions) -> int:
    """Return how many lines before the header are comments: they begin with ``#`` and name no column."""
    n = 0
    while n < len(start) and start[n].startswith("#") and not known_columns(_cells(start[n], delimiter), options):
        n += 1
        while n < len(start) and not start[n].strip("\r\n"):
            n += 1
    return n if n < len(start) else 0


def _cells(line: str, delimiter: str) -> list[str]:
    rows: Iterator[list[str]] = csv.reader([line.rstrip("\r\n")], delimiter=delimiter)
    try:
        return next(rows, [])
    except csv.Error:
        return line.rstrip("\r\n").split(delimiter)
