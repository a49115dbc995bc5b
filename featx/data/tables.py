"""One table file becomes a `RawSplit`, whatever its format."""

from __future__ import annotations

from array import array
from pathlib import Path

from featx.data.columns import find_positions
from featx.data.formats import ReadOptions, open_table
from featx.data.formats.decoding import text_lines
from featx.data.formats.opening import open_regular
from featx.data.raw import RawSplit
from featx.errors import DataError


def read_table(path: Path, options: ReadOptions | None = None) -> RawSplit:
    """Return texts and labels of one table file.

    Raises
    ------
    DataError
        If the file cannot be read, is not what its suffix says, or lacks a column.
    """
    options = options or ReadOptions()
    table = open_table(path, options, labelled=True)
    text, label = find_positions(table, options)
    texts: list[object] = []
    labels: list[object] = []
    numbers = array("q")
    for number, values in table.rows((text, label)):
        texts.append(values[0])
        labels.append(values[1])
        numbers.append(number)
    notes = tuple(f"{path.name}: {note}" for note in table.notes)
    names = table.label_names.get(table.columns[label])
    return RawSplit(str(path), texts, labels, lambda row: f"{table.word} {numbers[row]}", names, notes)


def lines_of(path: Path, encoding: str | None = None) -> list[str]:
    r"""Return the lines of a file, which end at ``\n`` or ``\r\n``.

    Raises
    ------
    DataError
        If it cannot be read or is not of the encoding; names the line of the first wrong byte.
    """
    try:
        with open_regular(path) as file:
            return list(text_lines(file, str(path), encoding))
    except OSError as e:
        raise DataError(f"{path}: cannot be read: {e.strerror or e}") from e
