"""Readers of table files: CSV, TSV, JSONL and Parquet, by suffix.

Each gives a `RawSplit`; none knows which split it reads. CSV is read by the standard library's reader in its
strict mode, since it alone says which line is wrong and never fills, cuts or drops a cell in silence.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

from featx.data.columns import find_columns
from featx.data.raw import RawSplit
from featx.errors import DataError


def read_table(path: Path, text_column: str | None = None, label_column: str | None = None) -> RawSplit:
    """Texts and labels of one table file.

    Raises
    ------
    DataError
        If the file cannot be read, is not what its suffix says, or lacks a column.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: suffix {path.suffix!r} is unknown; expected one of: {', '.join(READERS)}")
    return reader(path, text_column, label_column)


def read_text(path: Path) -> str:
    """Content of a UTF-8 file, without a byte order mark.

    Raises
    ------
    DataError
        If it cannot be read or is not UTF-8; names the line of the first wrong byte.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        raise DataError(f"{path}: cannot be read: {e.strerror or e}") from e
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{data[e.start]:02x} is not UTF-8; convert the file, "
            f"for example with: iconv -f WINDOWS-1252 -t UTF-8 {path.name}"
        ) from e


def _read_csv(path: Path, text_column: str | None, label_column: str | None) -> RawSplit:
    return _read_delimited(path, text_column, label_column, ",")


def _read_tsv(path: Path, text_column: str | None, label_column: str | None) -> RawSplit:
    return _read_delimited(path, text_column, label_column, "\t")


def _read_delimited(path: Path, text_column: str | None, label_column: str | None, delimiter: str) -> RawSplit:
    content = read_text(path)
    csv.field_size_limit(sys.maxsize if sys.maxsize < 2**31 else 2**31 - 1)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    texts: list[object] = []
    labels: list[object] = []
    lines: list[int] = []
    try:
        header = next(reader, [])
        _check_header(path, header)
        text, label = find_columns(header, str(path), text_column, label_column)
        text_at, label_at = header.index(text), header.index(label)
        line = reader.line_num + 1
        for cells in reader:
            if cells:  # an empty line is no row
                if len(cells) != len(header):
                    raise DataError(
                        f"{path}, line {line}: {len(cells)} cells, but the header has {len(header)}; "
                        "quote texts that hold the delimiter or a line break"
                    )
                texts.append(cells[text_at])
                labels.append(cells[label_at])
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as e:
        raise DataError(f"{path}, line {reader.line_num}: not readable as CSV: {e}; mend the quotes there") from e
    return RawSplit(str(path), texts, labels, lambda row: f"line {lines[row]}")


def _check_header(path: Path, header: list[str]) -> None:
    if not header:
        raise DataError(f"{path}: the file is empty; expected a header line with a text and a label column")
    doubled = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    if doubled:
        raise DataError(f"{path}: column {doubled[0][:40]!r} stands twice in the header; rename one")


def _read_jsonl(path: Path, text_column: str | None, label_column: str | None) -> RawSplit:
    rows: list[dict[str, object]] = []
    lines: list[int] = []
    for line, content in enumerate(read_text(path).split("\n"), 1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except (ValueError, RecursionError) as e:
            raise DataError(f"{path}, line {line}: not readable as JSON: {e}; expected one object a line") from e
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {line}: a JSON {type(row).__name__}; expected one object a line")
        rows.append(row)
        lines.append(line)
    if not rows:
        raise DataError(f"{path}: the file is empty; expected one JSON object a line")
    text, label = find_columns(list(rows[0]), f"{path}, line {lines[0]}", text_column, label_column)
    for row, line in zip(rows, lines, strict=True):
        for column in (text, label):
            if column not in row:
                raise DataError(
                    f"{path}, line {line}: no {column[:40]!r}; every line needs {text[:40]!r} and {label[:40]!r}"
                )
    return RawSplit(str(path), [r[text] for r in rows], [r[label] for r in rows], lambda row: f"line {lines[row]}")


def _read_parquet(path: Path, text_column: str | None, label_column: str | None) -> RawSplit:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            text, label = find_columns(file.schema_arrow.names, str(path), text_column, label_column)
            table = file.read(columns=[text, label])
        texts, labels = table.column(text).to_pylist(), table.column(label).to_pylist()
    except (pa.ArrowException, OSError, ValueError, KeyError) as e:  # a UnicodeDecodeError for bytes that are no UTF-8
        first_line = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise DataError(f"{path}: not readable as Parquet: {first_line}") from e
    return RawSplit(str(path), texts, labels)


#: Reader of each suffix.
READERS: dict[str, Callable[[Path, str | None, str | None], RawSplit]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
