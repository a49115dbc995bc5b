"""CSV and TSV files.

They are read by the standard library's reader in its strict mode, since it alone says which line is wrong and never
fills, cuts or drops a cell in silence; and written so that it and pandas read every cell back as it was, NUL alone
excepted, for which no reader has a way: it becomes U+FFFD.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from featx.data.formats.decoding import table_lines
from featx.data.formats.layout import Layout, find_layout
from featx.data.formats.quoting import marks_enclose, strict_rows
from featx.data.formats.table import Format, ReadOptions, Row, Source, Table, Wrong
from featx.settings import Quoting

#: First characters of a cell that a spreadsheet runs as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BLOCK = 1 << 20


def _reader(usual: str) -> Callable[[Source, ReadOptions], Table]:
    """Return the reader of files whose suffix stands for the delimiter `usual`."""

    def read(source: Source, options: ReadOptions) -> Table:
        layout = find_layout(source, options, usual)
        quoted, note = options.quoting != Quoting.OFF, ""
        if options.quoting == Quoting.AUTO:
            quoted, note = _are_quoted(source, layout, options)
        return Table(
            str(source),
            layout.columns,
            lambda columns: _rows(source, layout, options, quoted, columns),
            has_header=layout.has_header,
            notes=layout.notes + ((note,) if note else ()),
        )

    return read


def _lines(file: BinaryIO, source: Source, layout: Layout, options: ReadOptions) -> Iterator[str]:
    return itertools.islice(table_lines(file, str(source), options.encoding), layout.skip, None)


def _are_quoted(source: Source, layout: Layout, options: ReadOptions) -> tuple[bool, str]:
    with source.open() as file:
        if not any('"' in line for line in _lines(file, source, layout, options)):
            return True, ""
    with source.open() as file:
        lines = _lines(file, source, layout, options)
        return marks_enclose(lines, layout.delimiter, len(layout.columns), str(source), layout.skip + 1)


def _rows(source: Source, layout: Layout, options: ReadOptions, quoted: bool, columns: Sequence[int]) -> Iterator[Row]:
    n_cells = len(layout.columns)
    with source.open() as file:
        lines = _lines(file, source, layout, options)
        rows = strict_rows(lines, layout.delimiter, quoted, str(source), layout.skip + 1)
        for line, cells in itertools.islice(rows, 1 if layout.has_header else 0, None):
            if len(cells) == n_cells:
                yield line, [cells[at] for at in columns]
            else:
                yield line, [_ragged(len(cells), n_cells, layout)] * len(columns)


def _ragged(n: int, n_cells: int, layout: Layout) -> Wrong:
    first = "the header" if layout.has_header else "the first row"
    return Wrong(
        f"{n} cells, but {first} has {n_cells}",
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
        if not isinstance(value, str):
            return "" if value is None else str(value)
        cell = value.replace("\0", "\ufffd")
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
