"""Which column of a table is the text and which the label."""

from __future__ import annotations

from collections.abc import Sequence

from featx.errors import DataError

#: Names under which a column is found, in order of preference, compared without case.
TEXT_COLUMNS = ("text", "sentence", "content", "review", "tweet")
LABEL_COLUMNS = ("label", "sentiment", "class", "category")


def find_columns(
    columns: Sequence[str], source: str, text_column: str | None, label_column: str | None
) -> tuple[str, str]:
    """Names of the text column and of the label column among `columns`.

    Raises
    ------
    DataError
        If one is missing or both are the same; lists the columns that there are.
    """
    text = _find(columns, source, text_column, TEXT_COLUMNS, "text")
    label = _find(columns, source, label_column, LABEL_COLUMNS, "label")
    if text == label:
        raise DataError(f"{source}: {text[:40]!r} cannot be both text and label; give --text-column and --label-column")
    return text, label


def find_text_column(columns: Sequence[str], source: str, text_column: str | None) -> str:
    """Name of the text column alone, for texts without labels.

    Raises
    ------
    DataError
        If there is none; lists the columns that there are.
    """
    return _find(columns, source, text_column, TEXT_COLUMNS, "text")


def _find(columns: Sequence[str], source: str, wanted: str | None, known: Sequence[str], kind: str) -> str:
    there = ", ".join(repr(column[:40]) for column in columns[:20]) or "none"
    if wanted is not None:
        if wanted in columns:
            return wanted
        raise DataError(f"{source}: no column {wanted!r}; it has {there}; give one of them with --{kind}-column")
    lowered = {column.strip().lower(): column for column in reversed(columns)}
    for name in known:
        if name in lowered:
            return lowered[name]
    raise DataError(f"{source}: no {kind} column ({', '.join(known)}); it has {there}; name yours with --{kind}-column")
