"""Parquet and Arrow (Feather) files, whose metadata may state the names of the classes."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO

from featx.data.formats.table import Format, ReadOptions, Row, Source, Table
from featx.data.formats.values import as_text
from featx.errors import DataError

_BATCH = 4_096
#: Rows that a file may state without proof, and rows a byte beyond that.
_FREE_ROWS, _ROWS_A_BYTE = 10_000_000, 10


def label_names_of(schema: Any) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes that an Arrow schema states as ``datasets`` does (``ClassLabel``), by column."""
    stated = (schema.metadata or {}).get(b"huggingface")
    try:
        features = json.loads(stated)["info"]["features"] if stated else {}
        pairs = [(column, feature["names"]) for column, feature in features.items() if "names" in feature]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {column: tuple(names) for column, names in pairs if _are_names(names)}


def _are_names(names: object) -> bool:
    return (
        isinstance(names, list)
        and len(names) > 0
        and all(isinstance(name, str) and name.strip() for name in names)
        and len(set(names)) == len(names)
    )


def _read_parquet(source: Source, _: ReadOptions) -> Table:
    with _open_parquet(source) as file:
        schema = file.schema_arrow
        _check_size(source, file.metadata.num_rows)

    def batches(columns: list[str]) -> Iterator[Any]:
        with _open_parquet(source) as file:
            yield from file.iter_batches(batch_size=_BATCH, columns=columns)

    return _table(source, schema, batches, "Parquet")


def _read_arrow(source: Source, _: ReadOptions) -> Table:
    with _open_arrow(source) as (schema, _batches):
        pass

    def batches(columns: list[str]) -> Iterator[Any]:
        with _open_arrow(source) as (_schema, found):
            for batch in found:
                _check_size(source, batch.num_rows)
                batch.validate(full=True)  # Arrow believes offsets in files: values out of a buffer end the process
                yield from (batch.slice(at, _BATCH) for at in range(0, batch.num_rows, _BATCH))

    return _table(source, schema, batches, "Arrow")


def _table(source: Source, schema: Any, batches: Callable[[list[str]], Iterator[Any]], kind: str) -> Table:
    with _readable(source, kind):
        names, label_names = tuple(schema.names), label_names_of(schema)

    def rows(columns: Sequence[int]) -> Iterator[Row]:
        wanted, number = [names[at] for at in columns], 0
        with _readable(source, kind):
            for batch in batches(wanted):
                read = [batch.column(batch.schema.names.index(name)).to_pylist() for name in wanted]
                for values in zip(*read, strict=True):
                    number += 1
                    yield number, values

    return Table(str(source), names, rows, "row", label_names)


@contextmanager
def _open_parquet(source: Source) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with _readable(source, "Parquet"), source.open() as raw, pq.ParquetFile(raw) as file:
        yield file


@contextmanager
def _open_arrow(source: Source) -> Iterator[tuple[Any, Iterator[Any]]]:
    """Open either layout of Arrow: the file (Feather), or the stream that ``save_to_disk`` writes."""
    import pyarrow as pa

    with _readable(source, "Arrow"), source.open() as raw:
        is_file = raw.read(6) == b"ARROW1"
        raw.seek(0)
        reader = pa.ipc.open_file(raw) if is_file else pa.ipc.open_stream(raw)
        found = (reader.get_batch(at) for at in range(reader.num_record_batches)) if is_file else iter(reader)
        yield reader.schema, found


@contextmanager
def _readable(source: Source, kind: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as e:  # ValueError: bytes that are not UTF-8
        reason = (str(e).splitlines() or [type(e).__name__])[0][:300]
        raise DataError(f"{source}: not readable as {kind}: {reason}") from e


def _check_size(source: Source, n_rows: int) -> None:
    size = source.path.stat().st_size
    if n_rows > _FREE_ROWS + _ROWS_A_BYTE * size:
        raise DataError(f"{source}: states {n_rows:,} rows in {size:,} bytes; that is no table of texts")


def _count_parquet(source: Source) -> int:
    with _open_parquet(source) as file:
        return int(file.metadata.num_rows)


class _Writer:
    """Writes batches of rows as they come; the first says what the columns are, text where it has no values.

    A column with values of several types is one of text: if that is found late, what was written is written anew.
    """

    def __init__(
        self,
        file: BinaryIO,
        open_writer: Callable[[BinaryIO, Any], Any],
        batches: Callable[[BinaryIO], AbstractContextManager[Iterator[Any]]],
    ) -> None:
        self._file, self._open, self._batches = file, open_writer, batches
        self._writer: Any = None
        self._types: dict[str, Any] = {}

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        import pyarrow as pa

        if not rows:
            return
        old, self._types = self._types, self._types or dict.fromkeys(rows[0])
        columns = {name: _column([row[name] for row in rows], of_type) for name, of_type in self._types.items()}
        self._types = {name: column.type for name, column in columns.items()}
        if self._writer is None:
            self._writer = self._open(self._file, pa.schema(self._types))
        elif self._types != old:
            self._write_anew()
        self._writer.write_table(pa.table(columns))

    def _write_anew(self) -> None:
        import pyarrow as pa

        self._writer.close()
        with tempfile.TemporaryFile() as copy:
            self._file.seek(0)
            shutil.copyfileobj(self._file, copy)
            self._file.seek(0)
            self._file.truncate()
            copy.seek(0)
            self._writer = self._open(self._file, pa.schema(self._types))
            with self._batches(copy) as batches:
                for batch in batches:
                    columns = {name: _column(batch[name].to_pylist(), kind) for name, kind in self._types.items()}
                    self._writer.write_table(pa.table(columns))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _column(values: list[Any], of_type: Any) -> Any:
    """Return values as an Arrow array of a type, or the one that they have if None, or else of text."""
    import pyarrow as pa

    try:
        column = None if of_type == pa.string() else pa.array(values, of_type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        column = None
    if column is None or pa.types.is_null(column.type) or _has_no_fields(column.type):
        return pa.array([value if value is None else as_text(value) for value in values], pa.string())
    return column


def _has_no_fields(of_type: Any) -> bool:
    """Return whether a type holds objects without keys, which Parquet cannot hold."""
    fields = [of_type.field(at) for at in range(of_type.num_fields)]
    return (str(of_type).startswith("struct<") and not fields) or any(_has_no_fields(one.type) for one in fields)


@contextmanager
def _parquet_batches(file: BinaryIO) -> Iterator[Iterator[Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as read:
        yield read.iter_batches(batch_size=_BATCH)


@contextmanager
def _arrow_batches(file: BinaryIO) -> Iterator[Iterator[Any]]:
    import pyarrow as pa

    reader = pa.ipc.open_file(file)
    yield (reader.get_batch(at) for at in range(reader.num_record_batches))


def _write_parquet(file: BinaryIO, _: bool) -> _Writer:
    import pyarrow.parquet as pq

    return _Writer(file, pq.ParquetWriter, _parquet_batches)


def _write_arrow(file: BinaryIO, _: bool) -> _Writer:
    import pyarrow as pa

    return _Writer(file, pa.ipc.new_file, _arrow_batches)


FORMATS = [
    Format("Parquet", (".parquet", ".pq"), _read_parquet, _write_parquet, _count_parquet),
    Format("Arrow", (".arrow", ".feather"), _read_arrow, _write_arrow),
]
