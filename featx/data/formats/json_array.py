"""JSON in one piece: an array of objects, or columns, as ``pandas.DataFrame.to_json`` and ``read_json`` have them.

Unlike the other formats it is read as a whole: it has no end before its last character.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from featx.data.formats.decoding import decoded_text
from featx.data.formats.jsonl import names_of, read_json_lines, values_of
from featx.data.formats.table import Format, ReadOptions, Row, Source, Table, Wrong
from featx.data.formats.values import as_json
from featx.errors import DataError

_EXPECTED = "expected an array of objects, or an object with a list or an object for each column"


def _read(source: Source, options: ReadOptions) -> Table:
    with source.open() as file:
        content = decoded_text(file, str(source), options.encoding)
    if not content.strip():
        raise DataError(f"{source}: the file is empty; {_EXPECTED}")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as e:
        if "Extra data" in str(e):  # one object a line, as many files of this suffix have
            return read_json_lines(source, options)
        raise DataError(f"{source}: not readable as JSON: {e}; {_EXPECTED}") from e
    inner = next(iter(data.values())) if isinstance(data, dict) and len(data) == 1 else None
    if isinstance(inner, list) and all(isinstance(row, dict) for row in inner):
        data = inner  # {"data": [ … ]}
    if isinstance(data, list):
        return _of_objects(source, data)
    if isinstance(data, dict):
        return _of_columns(source, data) or _of_objects(source, [data])
    raise DataError(f"{source}: a JSON {type(data).__name__}; {_EXPECTED}")


def _of_objects(source: Source, data: list[Any]) -> Table:
    if not data:
        raise DataError(f"{source}: the array is empty; {_EXPECTED}")
    if not isinstance(data[0], dict):
        raise DataError(f"{source}, row 1: a JSON {type(data[0]).__name__}; {_EXPECTED}")
    names = names_of(data)

    def rows(columns: Sequence[int]) -> Iterator[Row]:
        wanted = [names[at] for at in columns]
        for number, row in enumerate(data, 1):
            if isinstance(row, dict):
                yield number, values_of(row, wanted)
            else:
                wrong = Wrong(f"a JSON {type(row).__name__}", "expected an object", kind="no object")
                yield number, [wrong] * len(wanted)

    return Table(str(source), tuple(data[0]), rows, word="row", all_columns=lambda: tuple(names))


def _of_columns(source: Source, data: dict[str, Any]) -> Table | None:
    """Return the table of columns; None if `data` is none."""
    if not data:
        return None
    if all(isinstance(column, dict) for column in data.values()):
        keys = list(next(iter(data.values())))
        if any(column.keys() != set(keys) for column in data.values()):
            raise DataError(f"{source}: its columns have different rows; every row needs a value in each column")
        columns = [[column[key] for key in keys] for column in data.values()]
    elif all(isinstance(column, list) for column in data.values()):
        columns = list(data.values())
        sizes = {len(column) for column in columns}
        if len(sizes) > 1:
            raise DataError(
                f"{source}: its columns have {', '.join(map(str, sorted(sizes)))} rows; expected one number"
            )
    else:
        return None
    names = tuple(data)

    def rows(positions: Sequence[int]) -> Iterator[Row]:
        for number in range(len(columns[0])):
            yield number + 1, [columns[at][number] for at in positions]

    return Table(str(source), names, rows, word="row")


class _Writer:
    """Writes an array with one object a line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._begun = False

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            self._file.write(b",\n" if self._begun else b"[\n")
            self._file.write(as_json(row))
            self._begun = True

    def close(self) -> None:
        self._file.write(b"\n]\n" if self._begun else b"[]\n")


FORMATS = [Format("JSON", (".json",), _read, lambda file, _: _Writer(file), compressible=True)]
