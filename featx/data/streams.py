"""Unlabelled texts out of large files, a row at a time: lines, CSV, TSV, JSONL and Parquet, by suffix.

Unlike the readers of labelled data nothing is held in memory but the row at hand. Rows are checked as they come.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from featx.data.columns import find_text_column
from featx.data.raw import RawSplit, checked_texts
from featx.errors import DataError

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_BLOCK = 1 << 20


def stream_texts(path: Path, text_column: str | None = None) -> Iterator[str]:
    """Texts of a file, in order.

    Parameters
    ----------
    path : Path
        A table by its suffix (.csv, .tsv, .jsonl, .parquet); any other holds one text a line, empty lines left out.
    text_column : str, optional
        Of a table; found by name when None.

    Raises
    ------
    DataError
        At the first row that is wrong; names file, row and remedy.
    """
    kind = path.suffix.lower()
    try:
        if kind in _DELIMITERS:
            rows = _delimited(path, text_column, _DELIMITERS[kind])
        elif kind == ".jsonl":
            rows = _jsonl(path, text_column)
        elif kind == ".parquet":
            rows = _parquet(path, text_column)
        else:
            with path.open("rb") as file:
                yield from stream_lines(file, str(path))
            return
        for where, value in rows:
            yield checked_texts(RawSplit(str(path), [value], [], lambda _, where=where: where))[0]  # type: ignore[misc]
    except OSError as e:
        raise DataError(f"{path}: cannot be read: {e.strerror or e}") from e


def stream_lines(file: BinaryIO, source: str) -> Iterator[str]:
    r"""Lines of a binary stream that hold more than blanks, split at ``\n`` alone."""
    for _, line in _decoded(file, source):
        if line.strip():
            yield line.removesuffix("\n")


def count_rows(path: Path) -> int | None:
    """At most how many rows `stream_texts` gives, without parsing: for a progress bar. None if that is not known."""
    try:
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(path) as table:
                return int(table.metadata.num_rows)
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b"")) + 1
    except (OSError, ValueError):
        return None


def _decoded(file: BinaryIO, source: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line, with its line break; a byte order mark is left out."""
    for number, raw in enumerate(file, 1):
        try:
            yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as e:
            raise DataError(
                f"{source}, line {number}: byte 0x{raw[e.start]:02x} is not UTF-8; convert it, for example with iconv"
            ) from e


def _delimited(path: Path, text_column: str | None, delimiter: str) -> Iterator[tuple[str, object]]:
    csv.field_size_limit(2**31 - 1)
    with path.open("rb") as file:
        reader = csv.reader((line for _, line in _decoded(file, str(path))), delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
            at = header.index(find_text_column(header, str(path), text_column))
            line = reader.line_num + 1
            for cells in reader:
                if cells:
                    if len(cells) != len(header):
                        raise DataError(
                            f"{path}, line {line}: {len(cells)} cells, but the header has {len(header)}; quote texts "
                            "that hold the delimiter or a line break"
                        )
                    yield f"line {line}", cells[at]
                line = reader.line_num + 1
        except csv.Error as e:
            raise DataError(f"{path}, line {reader.line_num}: not readable as CSV: {e}; mend the quotes there") from e


def _jsonl(path: Path, text_column: str | None) -> Iterator[tuple[str, object]]:
    column = text_column
    with path.open("rb") as file:
        for number, line in _decoded(file, str(path)):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as e:
                raise DataError(f"{path}, line {number}: not readable as JSON: {e}; expected one object a line") from e
            if not isinstance(row, dict):
                raise DataError(f"{path}, line {number}: a JSON {type(row).__name__}; expected one object a line")
            if column is None:
                column = find_text_column(list(row), f"{path}, line {number}", None)
            if column not in row:
                raise DataError(f"{path}, line {number}: no {column!r}; every line needs one")
            yield f"line {number}", row[column]


def _parquet(path: Path, text_column: str | None) -> Iterator[tuple[str, object]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            column = find_text_column(file.schema_arrow.names, str(path), text_column)
            number = 0
            for batch in file.iter_batches(batch_size=8_192, columns=[column]):
                for value in batch.column(0).to_pylist():
                    number += 1
                    yield f"row {number}", value
    except pa.ArrowException as e:
        first_line = (str(e).splitlines() or [type(e).__name__])[0]
        raise DataError(f"{path}: not readable as Parquet: {first_line}") from e
