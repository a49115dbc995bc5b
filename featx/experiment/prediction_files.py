"""Predictions as a file, batch by batch: CSV, TSV, JSONL or Parquet by suffix.

Columns are ``row`` (from 0), ``text``, ``label`` and one ``score_<label>`` a class where the method has scores. Texts
stand there letter for letter: the file is for programs, and a spreadsheet would run a text such as ``=1+1``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from featx.errors import RunError, SettingsError
from featx.files import whole_file
from featx.prediction import Prediction

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


class Writer(Protocol):
    """Takes predictions, batch by batch."""

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows; all have the same names."""

    def close(self) -> None:
        """End the file."""


def check_output(path: Path, source: Path | None) -> None:
    """Check the name of an output before any work is done.

    Raises
    ------
    SettingsError
        If its suffix is none that is known, or it is the input itself.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"`output` is {str(path)!r}; expected a name that ends in one of: {', '.join(SUFFIXES)}")
    if path.is_dir():
        raise SettingsError(f"`output` {str(path)!r} is a folder; give a file")
    if source is not None and path.resolve() == source.resolve():
        raise SettingsError(f"`output` {str(path)!r} is the input itself; give another name")


@contextmanager
def prediction_file(path: Path) -> Iterator[Any]:
    """A function that takes batches of predictions; the file is there when the block has ended well.

    Raises
    ------
    RunError
        If it cannot be written; an existing file is then as it was.
    """
    try:
        with whole_file(path) as building, building.open("wb") as file:
            writer = _WRITERS[path.suffix.lower()](file)
            numbers = count()

            def write(predictions: Sequence[Prediction]) -> None:
                writer.write([_row(next(numbers), prediction) for prediction in predictions])

            yield write
            writer.close()
    except OSError as e:
        raise RunError(f"{path} cannot be written: {e.strerror or e}; free space, or give another `output`") from e


def _row(number: int, prediction: Prediction) -> dict[str, Any]:
    scores = prediction.scores or {}
    return {"row": number, "text": prediction.text, "label": prediction.label} | {
        f"score_{name}": score for name, score in scores.items()
    }


class _Delimited:
    def __init__(self, file: Any, delimiter: str) -> None:
        import io

        self._text = io.TextIOWrapper(file, "utf-8", newline="")
        self._writer = csv.writer(self._text, delimiter=delimiter, lineterminator="\n")
        self._begun = False

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        if rows and not self._begun:
            self._writer.writerow(rows[0])
            self._begun = True
        self._writer.writerows(row.values() for row in rows)

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


class _Jsonl:
    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            self._file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        pass


class _Parquet:
    def __init__(self, file: Any) -> None:
        self._file = file
        self._writer: Any = None

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.Table.from_pylist(list(rows))
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


_WRITERS: dict[str, Any] = {
    ".csv": lambda file: _Delimited(file, ","),
    ".tsv": lambda file: _Delimited(file, "\t"),
    ".jsonl": _Jsonl,
    ".parquet": _Parquet,
}
