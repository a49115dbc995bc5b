"""Which column of a table is the text and which the label."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featx.errors import DataError

if TYPE_CHECKING:
    from featx.data.formats.table import ReadOptions, Table

#: Names under which a column is found, in order of preference, compared without case.
TEXT_COLUMNS = ("text", "sentence", "content", "review", "tweet", "texts")
LABEL_COLUMNS = ("label", "sentiment", "class", "category", "labels")

#: Rows that are looked at to guess columns, and label names that a column of labels has at most.
_SAMPLE_ROWS, _MOST_CLASSES = 200, 60


@dataclass(frozen=True)
class _Wanted:
    """A column to find: the one that was named, or one of the known names."""

    kind: str
    named: str | None
    known: tuple[str, ...]

    def is_in(self, columns: Sequence[str]) -> bool:
        return self.find(columns) is not None

    def find(self, columns: Sequence[str]) -> str | None:
        if self.named is not None:
            return self.named if self.named in columns else None
        lowered = {column.strip().lower(): column for column in reversed(columns)}
        return next((lowered[name] for name in self.known if name in lowered), None)

    @property
    def problem(self) -> str:
        return (
            f"no {self.kind} column ({', '.join(self.known)})"
            if self.named is None
            else f"no column {self.named[:40]!r}"
        )

    @property
    def remedy(self) -> str:
        return f"{'name yours with' if self.named is None else 'give one of them as'} `{self.kind}_column`"


def find_columns(
    columns: Sequence[str], source: str, text_column: str | None, label_column: str | None
) -> tuple[str, str]:
    """Return the names of the text column and of the label column among `columns`.

    Raises
    ------
    DataError
        If one is missing, stands twice, or both are the same; lists the columns that there are.
    """
    wanted = _Wanted("text", text_column, TEXT_COLUMNS), _Wanted("label", label_column, LABEL_COLUMNS)
    text, label = _find(columns, source, wanted)
    return columns[text], columns[label]


def find_positions(table: Table, options: ReadOptions) -> tuple[int, int]:
    """Return the positions of the text column and of the label column of a table.

    Two columns without a header are told apart by what they hold.

    Raises
    ------
    DataError
        As `find_columns`; names the columns that look like texts and labels.
    """
    names = table.columns
    wanted = _Wanted("text", options.text_column, TEXT_COLUMNS), _Wanted("label", options.label_column, LABEL_COLUMNS)
    if all(one.is_in(names) for one in wanted):
        text, label = _find(names, table.source, wanted)
        return text, label
    likely = likely_columns(table)
    is_bare = not options.header and len(names) == 2 and options.text_column is options.label_column is None
    if is_bare and likely[0] is not None and likely[1] is not None:
        return names.index(likely[0]), names.index(likely[1])
    text, label = _find(names, table.source, wanted, likely, _no_header(table))
    return text, label


def find_text_column(columns: Sequence[str], source: str, text_column: str | None) -> str:
    """Return the name of the text column among `columns`, for texts in memory without labels.

    Raises
    ------
    DataError
        If there is none; lists the columns that there are.
    """
    wanted = _Wanted("text", text_column, TEXT_COLUMNS)
    return columns[_find(columns, source, [wanted], otherwise=", or give that column alone")[0]]


def find_text_position(table: Table, options: ReadOptions) -> int:
    """Return the position of the text column alone, for texts without labels.

    The only column without a header is that of the texts.

    Raises
    ------
    DataError
        If there is none; lists the columns that there are.
    """
    if not options.header and len(table.columns) == 1 and options.text_column is None:
        return 0
    wanted = _Wanted("text", options.text_column, TEXT_COLUMNS)
    likely = (None, None) if wanted.is_in(table.columns) else likely_columns(table)
    return _find(table.columns, table.source, [wanted], likely, _no_header(table))[0]


def with_test_remedy(error: DataError, split: str) -> DataError:
    """Return `error`, with what can be done where it is a test split that has no column of labels."""
    if split != "test" or "no label column" not in str(error):
        return error
    return DataError(
        f"{error}; or, if test has no labels, set `test_split` to validation or train to take the test texts from there"
    )


def known_columns(columns: Sequence[str], options: ReadOptions) -> bool:
    """Return whether `columns` have the text column or the label column."""
    wanted = _Wanted("text", options.text_column, TEXT_COLUMNS), _Wanted("label", options.label_column, LABEL_COLUMNS)
    return any(one.is_in(columns) for one in wanted)


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


def _no_header(table: Table) -> str:
    return ", or give `header` false if the file has no header line" if table.has_header else ""


def _find(
    columns: Sequence[str],
    source: str,
    wanted: Sequence[_Wanted],
    likely: Sequence[str | None] = (None, None),
    otherwise: str = "",
) -> list[int]:
    """Return the positions of `wanted`, or say of all of them at once which are missing."""
    names = [one.find(columns) for one in wanted]
    missing = [(one, guess) for one, name, guess in zip(wanted, names, likely, strict=False) if name is None]
    if missing:
        there = ", ".join(repr(column[:40]) for column in columns[:20]) or "none"
        if len(columns) > 20:
            there += f" and {len(columns) - 20} more"
        problems = " and ".join(one.problem for one, _ in missing)
        remedies = " and ".join(
            one.remedy + (f" (likely {guess[:40]!r})" if guess is not None else "") for one, guess in missing
        )
        raise DataError(f"{source}: {problems}; it has {there}; {remedies}{otherwise}")
    found = [_only(columns, source, name) for name in names if name is not None]
    if len(set(found)) < len(found):
        name = columns[found[0]]
        raise DataError(f"{source}: {name[:40]!r} cannot be both text and label; give `text_column` and `label_column`")
    return found


def _only(columns: Sequence[str], source: str, name: str) -> int:
    at = columns.index(name)
    if name in columns[at + 1 :]:
        raise DataError(f"{source}: column {name[:40]!r} stands twice in the header; rename one")
    return at
