"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from featx.data.formats.decoding import text_lines
from featx.data.formats.delimited import count_lines
from featx.data.formats.table import Format, ReadOptions, Row, Source, Table, Wrong
from featx.data.formats.values import as_json
from featx.errors import DataError

_EXPECTED = "expected one object a line"
#: Names after which no more are looked for.
_MOST_NAMES = 1_000


def read_json_lines(source: Source, options: ReadOptions) -> Table:
    """Return the table of a file with one JSON object a line; its columns are the names in the first.

    Raises
    ------
    DataError
        If there is no object on the first line.
    """
    line, first = next(_objects(source, options), (0, None))
    if first is None:
        raise DataError(f"{source}: the file is empty; expected one JSON object a line")
    if isinstance(first, Wrong):
        raise DataError(f"{source}, line {line}: {first.problem}; {first.remedy}")
    names = list(first)

    def all_columns() -> tuple[str, ...]:
        names[:] = names_of(row for _, row in _objects(source, options))
        return tuple(names)

    def rows(columns: Sequence[int]) -> Iterator[Row]:
        return _rows(source, options, [names[at] for at in columns])

    return Table(str(source), tuple(first), rows, all_columns=all_columns)


def names_of(rows: Iterable[object]) -> list[str]:
    """Return the names in JSON objects, in the order in which they come; not more than a table can have."""
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row, dict) and (not names or len(names) < _MOST_NAMES):
            names |= dict.fromkeys(row)
    return list(names)


def _objects(source: Source, options: ReadOptions) -> Iterator[tuple[int, dict[str, Any] | Wrong]]:
    with source.open() as file:
        for line, content in enumerate(text_lines(file, str(source), options.encoding), 1):
            if not content.strip():
                continue
            try:
                row = json.loads(content)
            except (ValueError, RecursionError) as e:
                yield line, Wrong(f"not readable as JSON: {e}", _EXPECTED, kind="JSON")
                continue
            is_row = isinstance(row, dict)
            yield line, row if is_row else Wrong(f"a JSON {type(row).__name__}", _EXPECTED, kind="no object")


def _rows(source: Source, options: ReadOptions, names: list[str]) -> Iterator[Row]:
    for line, row in _objects(source, options):
        if isinstance(row, Wrong):
            yield line, [row] * len(names)
        else:
            yield line, values_of(row, names)


def values_of(row: Mapping[str, Any], names: Sequence[str]) -> list[object]:
    """Return the values of a JSON object under `names`."""
    return [row[name] if name in row else _absent(name, names) for name in names]


def _absent(name: str, names: Sequence[str]) -> Wrong:
    needed = " and ".join(repr(one[:40]) for one in names[:5])
    return Wrong(f"no {name[:40]!r}", f"every line needs {needed}", kind=f"no {name[:40]!r}")


class JsonLinesWriter:
    """Writes one object a line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        for row in rows:
            self._file.write(as_json(row) + b"\n")

    def close(self) -> None:
        """End the file."""


FORMATS = [
    Format(
        "JSON Lines",
        (".jsonl", ".ndjson"),
        read_json_lines,
        lambda file, _: JsonLinesWriter(file),
        count_lines,
        compressible=True,
    )
]
