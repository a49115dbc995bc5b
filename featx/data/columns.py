"""Which column of a table is the text and which the label."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from featx.errors import DataError

if TYPE_CHECKING:
    from featx.data.formats.table import ReadOptions, Table

#: Names under which a column is found, in order of preference, compared without case.
TEXT_COLUMNS = ("text", "sentence", "content", "review", "tweet", "texts")
LABEL_COLUMNS = ("label", "sentiment", "class", "category", "labels")

#: Rows that are looked at to guess columns, and label names that a column of labels has at most.
_SAMPLE_ROWS, _MOST_CLASSES = 200, 60


def find_columns(
    columns: Sequence[str], source: str, text_column: str | None, label_column: str | None
) -> tuple[str, str]:
    """Return the names of the text column and of the label column among `columns`.

    Raises
    ------
    DataError
        If one is missing, stands twice, or both are the same; lists the columns that there are.
    """
    text, label = _pair(columns, source, text_column, label_column, "", ("", ""))
    return columns[text], columns[label]


def find_positions(table: Table, options: ReadOptions) -> tuple[int, int]:
    """Return the positions of the text column and of the label column of a table.

    Raises
    ------
    DataError
        As `find_columns`; names the columns that look like texts and labels.
    """
    names = table.columns
    if not table.has_header and len(names) == 2 and options.text_column is options.label_column is None:
        likely = likely_columns(table)
        if None not in likely and not known_columns(names, options):
            return names.index(str(likely[0])), names.index(str(likely[1]))
    try:
        return _pair(names, table.source, options.text_column, options.label_column, "", ("", ""))
    except DataError:
        text, label = likely_columns(table)
        likely_names = tuple(f" (likely {name[:40]!r})" if name else "" for name in (text, label))
        return _pair(
            names,
            table.source,
            options.text_column,
            options.label_column,
            _no_header(table),
            (*likely_names,)[:2],  # type: ignore[arg-type]
        )


def find_text_position(table: Table, options: ReadOptions) -> int:
    """Return the position of the text column alone, for texts without labels; the only column is that of the texts.

    Raises
    ------
    DataError
        If there is none; lists the columns that there are.
    """
    if not table.has_header and len(table.columns) == 1 and options.text_column is None:
        return 0
    if not known_text(table.columns, options):
        text, _ = likely_columns(table)
        likely = f" (likely {text[:40]!r})" if text else ""
        return _find(table.columns, table.source, options.text_column, TEXT_COLUMNS, "text", _no_header(table), likely)
    return _find(table.columns, table.source, options.text_column, TEXT_COLUMNS, "text")


def known_text(columns: Sequence[str], options: ReadOptions) -> bool:
    """Return whether `columns` have the text column."""
    return _has(columns, options.text_column, TEXT_COLUMNS)


def known_columns(columns: Sequence[str], options: ReadOptions) -> bool:
    """Return whether `columns` have the text column or the label column."""
    return known_text(columns, options) or _has(columns, options.label_column, LABEL_COLUMNS)


def likely_columns(table: Table) -> tuple[str | None, str | None]:
    """Return the columns that look like texts (long, hardly repeated) and labels (few and short), if any do."""
    positions = [at for at, name in enumerate(table.columns[:200]) if name]
    try:
        rows = [values for _, values in itertools.islice(table.rows(positions), _SAMPLE_ROWS)]
    except DataError:
        return None, None
    columns = {table.columns[at]: [row[k] for row in rows] for k, at in enumerate(positions)}
    words = {
        name: [str(value) for value in values if isinstance(value, str | int) and str(value).strip()]
        for name, values in columns.items()
    }
    lengths = {name: sum(map(len, values)) / len(values) for name, values in words.items() if values}
    texts = [
        name
        for name, length in lengths.items()
        if length > 8 and 2 * len(set(words[name])) > len(words[name]) and not _are_numbers(words[name])
    ]
    text = max(texts, key=lambda name: lengths[name], default=None)
    labels = [
        name
        for name in lengths
        if name != text
        and 1 < len(set(words[name])) <= min(_MOST_CLASSES, len(words[name]) // 2)
        and lengths[name] < 40
    ]
    return text, min(labels, key=lambda name: len(set(words[name])), default=None)


def _are_numbers(values: Sequence[str]) -> bool:
    return all(value.replace(".", "", 1).lstrip("-").isdecimal() for value in values)


def _has(columns: Sequence[str], wanted: str | None, known: Sequence[str]) -> bool:
    if wanted is not None:
        return wanted in columns
    return any(column.strip().lower() in known for column in columns)


def _pair(
    columns: Sequence[str],
    source: str,
    text_column: str | None,
    label_column: str | None,
    otherwise: str,
    likely: tuple[str, str],
) -> tuple[int, int]:
    text = _find(columns, source, text_column, TEXT_COLUMNS, "text", otherwise, likely[0])
    label = _find(columns, source, label_column, LABEL_COLUMNS, "label", otherwise, likely[1])
    if text == label:
        raise DataError(
            f"{source}: {columns[text][:40]!r} cannot be both text and label; give `text_column` and `label_column`"
        )
    return text, label


def _no_header(table: Table) -> str:
    return ", or set `header` to false if the file has no header line" if table.has_header else ""


def _find(
    columns: Sequence[str],
    source: str,
    wanted: str | None,
    known: Sequence[str],
    kind: str,
    otherwise: str = "",
    likely: str = "",
) -> int:
    there = ", ".join(repr(column[:40]) for column in columns[:20]) or "none"
    if len(columns) > 20:
        there += f" and {len(columns) - 20} more"
    if wanted is not None:
        if wanted in columns:
            return _only(columns, source, wanted)
        raise DataError(
            f"{source}: no column {wanted[:40]!r}; it has {there}; give one of them as `{kind}_column`{likely}"
            f"{otherwise}"
        )
    lowered = {column.strip().lower(): column for column in reversed(columns)}
    for name in known:
        if name in lowered:
            return _only(columns, source, lowered[name])
    raise DataError(
        f"{source}: no {kind} column ({', '.join(known)}); it has {there}; name yours with `{kind}_column`{likely}"
        f"{otherwise}"
    )


def _only(columns: Sequence[str], source: str, name: str) -> int:
    at = columns.index(name)
    if name in columns[at + 1 :]:
        raise DataError(f"{source}: column {name[:40]!r} stands twice in the header; rename one")
    return at
