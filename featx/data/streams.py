"""Unlabelled texts out of large files, a row at a time, in every format that labelled data may have, and lines.

Unlike the reader of labelled data nothing is held in memory but the row at hand. Rows are checked as they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from featx.data.columns import find_text_position
from featx.data.formats import ReadOptions, Source, find_format, open_table
from featx.data.formats.decoding import text_lines
from featx.data.formats.plain import without_end
from featx.data.raw import is_missing, text_or_wrong
from featx.data.wrong import Wrong
from featx.errors import DataError
from featx.settings import OnBlank


@dataclass(frozen=True)
class NewText:
    """A text to label, and the row that it stands in.

    Attributes
    ----------
    row : int
        From 0, as the source counts its rows; blank ones count.
    text : str
        Empty where the row has none.
    carried : mapping
        The row's other columns: those of one name are numbered, those without are ``column_<position>``, and None
        stands where a row has no value.
    """

    row: int
    text: str
    carried: Mapping[str, object] = field(default_factory=dict)


def stream_rows(path: Path, options: ReadOptions | None = None, on_blank: OnBlank = OnBlank.ERROR) -> Iterator[NewText]:
    """Yield the rows of a file, in order, other columns with them.

    Parameters
    ----------
    path : Path
        A table by its suffix, as for labelled data; ``.txt`` holds one text a line.
    options : ReadOptions, optional
    on_blank : OnBlank
        What becomes of rows without a text.

    Raises
    ------
    DataError
        At the first row that is wrong; names file, row and remedy.
    """
    wanted = options or ReadOptions()
    try:
        table = open_table(path, wanted)
        at = find_text_position(table, wanted)
        columns = table.columns if table.all_columns is None else table.all_columns()
        others = [place for place in range(len(columns)) if place != at]
        names = unique_names([columns[place] or f"column_{place + 1}" for place in others])
        for row, (number, (value, *rest)) in enumerate(table.rows((at, *others))):
            carried = {name: None if isinstance(one, Wrong) else one for name, one in zip(names, rest, strict=True)}
            if is_missing(value) and on_blank is not OnBlank.ERROR:
                if on_blank is OnBlank.EMPTY:
                    yield NewText(row, "", carried)
                continue
            text = text_or_wrong(value, droppable=False)
            if isinstance(text, Wrong):
                raise DataError(f"{path}, {table.word} {number}: {text.problem}; {text.remedy}")
            yield NewText(row, text, carried)
    except OSError as e:
        raise DataError(f"{path}: cannot be read: {e.strerror or e}") from e


def unique_names(names: Iterable[str]) -> list[str]:
    """Return `names`, those that were there before with a number.

    Examples
    --------
    >>> unique_names(["id", "id", "id_2"])
    ['id', 'id_2', 'id_2_2']
    """
    unique: dict[str, None] = {}
    for name in names:
        new, number = name, 1
        while new in unique:
            number += 1
            new = f"{name}_{number}"
        unique[new] = None
    return list(unique)


def check_blank(path: Path, options: ReadOptions | None = None) -> None:
    """Read a file once to see whether each row has a text: before hours of work, not in their middle.

    Raises
    ------
    DataError
        If some have none; says how many, which is the first, and what can be done.
    """
    wanted = options or ReadOptions()
    table = open_table(path, wanted)
    n_rows, blank = 0, []
    for number, (value,) in table.rows((find_text_position(table, wanted),)):
        n_rows += 1
        if is_missing(value):
            blank.append(number)
    if blank:
        raise DataError(
            f"{path}: {len(blank)} of {n_rows} rows have no text, the first is {table.word} {blank[0]}; give "
            "`on_blank` skip to leave them out, or empty to keep them without a label"
        )


def stream_texts(path: Path, text_column: str | None = None, options: ReadOptions | None = None) -> Iterator[str]:
    """Yield the texts of a file, in order: `stream_rows` without what stands beside them."""
    wanted = options or ReadOptions()
    if text_column is not None:
        wanted = replace(wanted, text_column=text_column)
    for new in stream_rows(path, wanted):
        yield new.text


def stream_lines(
    file: BinaryIO, source: str, encoding: str | None = None, on_blank: OnBlank = OnBlank.ERROR
) -> Iterator[NewText]:
    r"""Yield the lines of a binary stream; they end at ``\n`` or ``\r\n``.

    Raises
    ------
    DataError
        At a blank line, where `on_blank` says so; a stream cannot be looked through before.
    """
    for number, line in without_end(text_lines(file, source, encoding)):
        if line.strip():
            yield NewText(number - 1, line)
        elif on_blank is OnBlank.EMPTY:
            yield NewText(number - 1, "")
        elif on_blank is OnBlank.ERROR:
            raise DataError(f"{source}, line {number} is blank; give `on_blank` skip or empty")


def count_rows(path: Path) -> int | None:
    """Return at most how many rows `stream_texts` gives, without parsing: for a progress bar. None if not known."""
    found = find_format(path)
    if found is None or found[0].count is None:
        return None
    try:
        return found[0].count(Source(path, found[1]))
    except (DataError, OSError, ValueError):
        return None
