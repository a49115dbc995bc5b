"""CSV and TSV files.

They are read by the standard library's reader in its strict mode, since it alone says which line is wrong and never
fills, cuts or drops a cell in silence; and written so that it and pandas read every cell back as it was, NUL alone
excepted, for which no reader has a way: it becomes U+FFFD.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from featx.data.formats.decoding import table_lines
from featx.data.formats.layout import Layout, find_layout
from featx.data.formats.quoting import UnmatchedMarkError, marks_enclose, strict_rows
from featx.data.formats.table import Format, ReadOptions, Row, Source, Table, Wrong
from featx.data.formats.values import as_text
from featx.settings import Quoting

#: First characters of a cell that a spreadsheet runs as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BLOCK = 1 << 20


def _reader(usual: str) -> Callable[[Source, ReadOptions], Table]:
    """Return the reader of files whose suffix stands for the delimiter `usual`."""

    def read(source: Source, options: ReadOptions) -> Table:
        layout = find_layout(source, options, usual)
        notes = list(layout.notes)
        return Table(
            str(source),
            layout.columns,
            lambda columns: _rows(source, layout, options, columns, notes),
            has_header=layout.has_header,
            notes=notes,
        )

    return read


def _rows(
    source: Source, layout: Layout, options: ReadOptions, columns: Sequence[int], notes: list[str]
) -> Iterator[Row]:
    """Yield rows; the first cell over several lines, or mark that does not match, asks what marks mean in this file."""
    first = layout.skip + 1 if not layout.has_header else layout.skip + 2
    is_open, quoted = options.quoting == Quoting.AUTO, options.quoting != Quoting.OFF
    try:
        for line, n_lines, cells in _cells(source, layout, options, quoted, layout.skip + 1):
            if is_open and n_lines > 1:
                is_open, quoted = False, _are_quoted(source, layout, options, notes)
                if not quoted:
                    break
            if line >= first:
                yield _row(line, cells, columns, layout)
                first = line + 1
        else:
            return
    except UnmatchedMarkError:
        if not is_open or _are_quoted(source, layout, options, notes):
            raise
    for line, _, cells in _cells(source, layout, options, False, first):
        yield _row(line, cells, columns, layout)


def _row(line: int, cells: list[str], columns: Sequence[int], layout: Layout) -> Row:
    if len(cells) == len(layout.columns):
        return line, [cells[at] for at in columns]
    return line, [_ragged(len(cells), layout)] * len(columns)


def _cells(
    source: Source, layout: Layout, options: ReadOptions, quoted: bool, first: int
) -> Iterator[tuple[int, int, list[str]]]:
    with source.open() as file:
        lines = itertools.islice(table_lines(file, str(source), options.encoding), first - 1, None)
        yield from strict_rows(lines, layout.delimiter, quoted, str(source), first)


def _are_quoted(source: Source, layout: Layout, options: ReadOptions, notes: list[str]) -> bool:
    """Return whether quotation marks enclose cells; where not, a note is added that says so."""
    with source.open() as file:
        lines = itertools.islice(table_lines(file, str(source), options.encoding), layout.skip, None)
        quoted, note = marks_enclose(lines, layout.delimiter, len(layout.columns), str(source), layout.skip + 1)
    if note and note not in notes:
        notes.append(note)
    return quoted


def _ragged(n: int, layout: Layout) -> Wrong:
    first = "the header" if layout.has_header else "the first row"
    return Wrong(
        f"{n} cells, but {first} has {len(layout.columns)}",
        f"quote texts that hold the delimiter ({layout.delimiter!r}) or a line break, or set `delimiter`",
        kind="cells",
    )


def count_lines(source: Source) -> int:
    """Return at most how many rows there are: the number of lines."""
    with source.open() as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b"")) + 1


class _Writer:
    """Writes rows of cells, quoted where they must be."""

    def __init__(self, file: BinaryIO, delimiter: str, escape_formulas: bool) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", newline="")
        self._delimiter, self._escape = delimiter, escape_formulas
        self._begun = False

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows and not self._begun:
            self._write(list(rows[0]))
            self._begun = True
        for row in rows:
            self._write(list(row.values()))

    def close(self) -> None:
        self._text.flush()
        self._text.detach()

    def _write(self, cells: list[Any]) -> None:
        self._text.write(self._delimiter.join(map(self._cell, cells)) + "\n")

    def _cell(self, value: Any) -> str:
        if value is None or isinstance(value, int | float | Decimal):
            return "" if value is None else str(value)
        cell = as_text(value).replace("\0", "\ufffd")
        if self._escape and cell.startswith(_FORMULA) and not _is_number(cell):
            cell = "'" + cell
        # Python's own writer leaves a bare \r unquoted before 3.11.9.
        if cell == "" or any(mark in cell for mark in ('"', "\r", "\n", self._delimiter)) or cell[0] == "\ufeff":
            return '"' + cell.replace('"', '""') + '"'
        return cell


def _is_number(cell: str) -> bool:
    return cell[1:].replace(".", "", 1).isdecimal() and cell[0] in "+-"


FORMATS = [
    Format(
        "CSV", (".csv",), _reader(","), lambda file, escape: _Writer(file, ",", escape), count_lines, compressible=True
    ),
    Format(
        "TSV",
        (".tsv", ".tab"),
        _reader("\t"),
        lambda file, escape: _Writer(file, "\t", escape),
        count_lines,
        compressible=True,
    ),
]
