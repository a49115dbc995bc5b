"""Do quotation marks enclose cells, or are they part of the texts? Decided from the whole file, or an error.

A quotation mark that begins a cell by chance opens a quoted cell, which goes on to the next mark that ends one: the
lines between become one text, and rows are lost without a word. So a quoted cell over lines that look like rows of
their own is never taken for granted. It is where the file has no quoted cells else and each of its lines has the
header's number of cells as it stands (tweets and GLUE are such files) that marks are read as part of the texts, as
with ``pandas.read_csv(quoting=3)``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from featx.data.formats.decoding import LONGEST_LINE
from featx.errors import DataError

_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
#: Different values that a column may have to count as one of few, such as labels.
_FEW = 1_000
#: Cells over several lines that are kept to be judged.
_KEPT = 1_000
#: Rows from which on it tells something that no value of a column begins with a blank.
_MANY = 10


@dataclass
class _Column:
    """What the values of a column are like: numbers, a few words, or anything."""

    values: set[str] | None = field(default_factory=set)
    are_numbers: bool = True
    has_indented: bool = False
    n: int = 0

    def add(self, value: str) -> None:
        self.n += 1
        self.has_indented = self.has_indented or value.startswith(" ")
        self.are_numbers = self.are_numbers and _NUMBER.fullmatch(value) is not None
        if self.values is not None:
            self.values.add(value)
            if len(self.values) > _FEW:
                self.values = None

    def excludes(self, cells: Iterable[str]) -> bool:
        """Return whether `cells` are none of this column's.

        That is where one is no number and all others are, or, as the comma of a sentence has a blank behind it, where
        each begins with a blank and no other does. A word that is new tells nothing: it may be a class of its own.
        """
        told = [cell for cell in cells if '"' not in cell]
        if self.n > 1 and self.are_numbers and any(_NUMBER.fullmatch(cell) is None for cell in told):
            return True
        return self.n >= _MANY and not self.has_indented and all(cell.startswith(" ") for cell in cells)

    def has(self, value: str) -> bool:
        """Return whether other rows have such a value."""
        if self.values is not None and value in self.values:
            return True
        return self.n > 1 and self.are_numbers and _NUMBER.fullmatch(value) is not None


@dataclass
class _Seen:
    """What one pass over a file found."""

    columns: list[_Column]
    #: Line and lines of each quoted cell that goes over several.
    long: list[tuple[int, list[str]]] = field(default_factory=list)
    #: Whether every line has the header's number of cells as it stands.
    is_plain: bool = True
    #: Whether a quoted cell on one line, or an unquoted one with a mark in it, was seen.
    has_quoted: bool = False
    has_bare: bool = False
    #: Line and reason at which the file cannot be read with quoted cells.
    error: tuple[int, str] | None = None


def marks_enclose(lines: Iterable[str], delimiter: str, n_cells: int, source: str, first: int) -> tuple[bool, str]:
    """Return whether quotation marks enclose cells, and a note where they do not although cells begin with one.

    Parameters
    ----------
    lines : iterable of str
        From the header on, with their ends.
    delimiter : str
    n_cells : int
        Of the header.
    source : str
    first : int
        Number of the first line.

    Raises
    ------
    DataError
        If rows may be lost, or the marks do not match; names the line.
    """
    seen = _look(lines, delimiter, n_cells, first)
    doubts = [(line, cell, _doubt(cell, seen, delimiter, n_cells)) for line, cell in seen.long]
    doubtful = [(line, cell) for line, cell, doubt in doubts if doubt]
    is_clear = delimiter == "\t" or any(doubt == 2 for _, _, doubt in doubts)
    if not doubtful and seen.error is None:
        return True, ""
    line = min([at for at, _ in doubtful] + ([seen.error[0]] if seen.error else []))
    if seen.is_plain and not seen.has_quoted and (n_cells > 1 or seen.has_bare) and is_clear:
        return False, f"quotation marks are read as part of the texts (see line {line}); `quoting` changes that"
    hint = "mend the quotes there, or set `quoting` to off if quotation marks are part of the texts"
    if doubtful and line == doubtful[0][0]:
        end = line + len(doubtful[0][1]) - 1
        raise DataError(
            f"{source}, line {line}: a quoted cell goes on to line {end}, over lines that look like rows of their own; "
            f"{hint}, or to on if it is one cell"
        )
    assert seen.error is not None
    raise DataError(f"{source}, line {line}: not readable as CSV: {seen.error[1]}; {hint}")


class UnmatchedMarkError(DataError):
    """Quotation marks that do not match, where they enclose cells."""


def strict_rows(
    lines: Iterable[str], delimiter: str, quoted: bool, source: str, first: int
) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the number of the first line, the number of lines and the cells of each row; empty lines are none.

    Raises
    ------
    UnmatchedMarkError
        If the quotation marks do not match; names the line.
    """
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(
        lines, delimiter=delimiter, strict=True, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    )
    before, at = 0, 0
    try:
        for cells in reader:
            at = reader.line_num
            if cells:
                yield first + before, at - before, cells
            before = at
    except csv.Error as e:
        raise UnmatchedMarkError(
            f"{source}, line {first + at}: not readable as CSV: {_reason(e)}; mend the quotes there"
        ) from e


def _look(lines: Iterable[str], delimiter: str, n_cells: int, first: int) -> _Seen:
    seen = _Seen([_Column() for _ in range(n_cells)])
    of_row: list[str] = []

    def kept() -> Iterator[str]:
        for line in lines:
            if line.strip("\r\n") and line.count(delimiter) + 1 != n_cells:
                seen.is_plain = False
            of_row.append(line)
            yield line

    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(kept(), delimiter=delimiter, strict=True)
    line, is_header = first, True
    while True:
        of_row.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return seen
        except csv.Error as e:
            for _ in lines:  # does the rest look like rows as it stands?
                if _.strip("\r\n") and _.count(delimiter) + 1 != n_cells:
                    seen.is_plain = False
            seen.error = (line, _reason(e))
            return seen
        if len(of_row) > 1:
            if len(seen.long) < _KEPT:
                seen.long.append((line, list(of_row)))
            _note_cells(seen, cells)  # those beside the long one stand as they are in either reading
        elif cells:
            _note_row(seen, cells, of_row[0], delimiter, is_header)
        line, is_header = first + reader.line_num, False


def _note_row(seen: _Seen, cells: list[str], line: str, delimiter: str, is_header: bool) -> None:
    if '"' in line:
        if cells == line.rstrip("\r\n").split(delimiter):
            seen.has_bare = True
        else:
            seen.has_quoted = True
    if not is_header:
        _note_cells(seen, cells)


def _note_cells(seen: _Seen, cells: list[str]) -> None:
    if len(cells) == len(seen.columns):
        for column, cell in zip(seen.columns, cells, strict=True):
            if "\n" not in cell and "\r" not in cell:
                column.add(cell)


def _doubt(lines: list[str], seen: _Seen, delimiter: str, n_cells: int) -> int:
    """Return how much the lines that make up one row with quoted cells look like rows of the table as they stand.

    Returns
    -------
    int
        0: they do not; 1: they may, by their number of cells alone; 2: a column of them has values of other rows.
    """
    inner = [line for line in lines[1:-1] if line.strip("\r\n")]
    rows = [line.rstrip("\r\n").split(delimiter) for line in (inner or [lines[0], lines[-1]])]
    if not all(len(cells) == n_cells for cells in rows):
        return 0
    by_column = list(zip(seen.columns, zip(*rows, strict=True), strict=True))
    if any(all(map(column.has, cells)) for column, cells in by_column):
        return 2
    if any(column.excludes(cells) for column, cells in by_column):
        return 0
    if n_cells == 1:  # a line break in the only column tells nothing; TSV files are rarely quoted
        return int(seen.is_plain and not seen.has_quoted and (delimiter == "\t" or seen.has_bare))
    return int(_begins_row(lines[0], delimiter, n_cells) and _ends_row(lines[-1], delimiter, n_cells))


def _begins_row(line: str, delimiter: str, n_cells: int) -> bool:
    """Return whether a line in which a quoted cell opens is a row if that mark is part of a text."""
    cells = next(csv.reader([line], delimiter=delimiter))
    return n_cells in (len(cells) + cells[-1].count(delimiter), line.count(delimiter) + 1)


def _ends_row(line: str, delimiter: str, n_cells: int) -> bool:
    """Return whether a line in which a quoted cell ends is a row if that mark is part of a text."""
    return n_cells in (len(next(csv.reader([line], delimiter=delimiter))), line.count(delimiter) + 1)


def _reason(error: csv.Error) -> str:
    unclosed = ": the quotation mark is never closed" if "unexpected end" in str(error) else ""
    return str(error) + unclosed
