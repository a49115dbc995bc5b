"""Excel workbooks (.xlsx), with ``openpyxl``: the first sheet, its first row as header."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, time
from typing import Any, BinaryIO

from featx.data.formats.table import Format, ReadOptions, Row, Source, Table
from featx.data.formats.values import as_text
from featx.errors import DataError

#: Characters of a cell and rows of a sheet that the format allows.
_CELL, _SHEET_ROWS = 32_767, 1_048_576
#: Bytes of a workbook's parts below which nothing is too much, and how much they may shrink.
_FLOOR, _RATIO = 64 << 20, 100
#: How Excel writes characters that XML cannot hold, and these.
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_NO_XML = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")


def _openpyxl() -> Any:
    try:
        import openpyxl
    except ModuleNotFoundError as e:
        raise DataError(
            "files that end in .xlsx need the package openpyxl; install it with: pip install 'featx[excel]'"
        ) from e
    return openpyxl


@contextmanager
def _sheet(source: Source) -> Iterator[tuple[Any, int]]:
    """Open the first sheet; yields it and the number of sheets."""
    openpyxl = _openpyxl()
    with source.open() as raw:
        try:
            with zipfile.ZipFile(raw) as archive:
                size = sum(info.file_size for info in archive.infolist())
                packed = sum(info.compress_size for info in archive.infolist())
            if size > _FLOOR and size > _RATIO * packed:
                raise DataError(f"{source}: grows more than {_RATIO} times when it is unpacked, as no workbook does")
            raw.seek(0)
            book = openpyxl.load_workbook(raw, read_only=True, data_only=True)
            if not book.worksheets:
                raise DataError(f"{source}: the workbook has no sheet with cells")
            yield book.worksheets[0], len(book.worksheets)
        except DataError:
            raise
        except Exception as e:  # a workbook is a zip of XML files: what is wrong with one is many kinds of exception
            reason = (str(e).splitlines() or [type(e).__name__])[0][:300]
            raise DataError(f"{source}: not readable as an Excel workbook: {reason}") from e


def _read(source: Source, options: ReadOptions) -> Table:
    with _sheet(source) as (sheet, n_sheets):
        number, header = next(_filled(sheet), (0, ()))
        title = sheet.title
    if not header:
        raise DataError(f"{source}: the sheet {title!r:.60} is empty; expected a row of column names")
    columns = tuple("" if cell is None else str(cell) for cell in header)
    if not options.header:
        columns = tuple(map(str, range(len(header))))

    def rows(positions: Sequence[int]) -> Iterator[Row]:
        with _sheet(source) as (sheet, _):
            for at, cells in _filled(sheet):
                if at > number or not options.header:
                    yield at, [_plain(cells[p]) if p < len(cells) else None for p in positions]

    notes = (f"the first of {n_sheets} sheets ({title!r:.60}) is read",) if n_sheets > 1 else ()
    return Table(str(source), columns, rows, "row", has_header=options.header, notes=notes)


def _filled(sheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Yield number and cells of each row that has any."""
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(cell is not None for cell in cells):
            yield number, cells


def _escaped(text: str) -> str:
    """Return `text` with what XML cannot hold as Excel writes it: ``_x000D_``."""
    return _NO_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", _ESCAPE.sub(r"_x005F\g<0>", text))


def _plain(value: object) -> object:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), value) if isinstance(value, str) else value


def _is_cell(value: object) -> bool:
    """Return whether Excel has a kind of cell for `value`, text apart: numbers of 15 digits, times without a zone."""
    if isinstance(value, int | float):
        return -(10**15) < value < 10**15
    return value is None or (isinstance(value, date | time) and getattr(value, "tzinfo", None) is None)


class _Writer:
    """Writes one sheet; every text is a text, so that none is run as a formula."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._book = _openpyxl().Workbook(write_only=True)
        self._sheet = self._book.create_sheet("predictions")
        self._n_rows = 0

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows and not self._n_rows:
            self._append(list(rows[0]))
        for row in rows:
            self._append(list(row.values()))

    def close(self) -> None:
        self._book.save(self._file)

    def _append(self, values: list[Any]) -> None:
        self._n_rows += 1
        if self._n_rows > _SHEET_ROWS:
            raise DataError(f"a sheet of .xlsx holds {_SHEET_ROWS:,} rows; write .csv or .parquet")
        self._sheet.append([value if _is_cell(value) else self._cell(as_text(value)) for value in values])

    def _cell(self, value: str) -> Any:
        from openpyxl.cell import WriteOnlyCell

        text = _escaped(value)
        if len(text) > _CELL:
            raise DataError(
                f"a text of {len(value):,} characters: a cell of .xlsx holds {_CELL:,}; write .csv or .parquet"
            )
        cell = WriteOnlyCell(self._sheet, value="")
        cell._value, cell.data_type = text, "s"  # as it is: no formula, no date, no number
        return cell


FORMATS = [Format("Excel", (".xlsx",), _read, lambda file, _: _Writer(file))]
