"""`RawSplit`: what a reader hands on, before labels become integers; and the checks on single values.

Every problem is named with the file, the row and the remedy.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from featx.data.wrong import Faults, Wrong
from featx.errors import DataError

#: Characters of a label's name.
LABEL_LENGTH = 500
#: Kinds of characters that no name has: control characters, separators of lines and paragraphs, lone surrogates.
_NO_NAME = ("Cc", "Zl", "Zp", "Cs")


@dataclass(frozen=True)
class RawSplit:
    """Texts and labels as a source holds them.

    Attributes
    ----------
    source : str
        File or split to name in messages.
    texts, labels : sequence
        One value a row: texts, and labels as integers or strings; `Wrong` where a row could not be read.
    row_name : callable
        From a 0-based position to what the user sees, such as ``line 12``.
    label_names : tuple of str or None
        Names of the classes that the source states; integers are then positions in it.
    notes : tuple of str
        What was found out about the source, to be said once.
    """

    source: str
    texts: Sequence[object]
    labels: Sequence[object]
    row_name: Callable[[int], str] = lambda row: f"row {row + 1}"
    label_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    def where(self, row: int) -> str:
        """Return file and row, for a message."""
        return f"{self.source}, {self.row_name(row)}"

    def rows(self, positions: Sequence[int]) -> RawSplit:
        """Return the split with the rows at `positions` alone; they keep their names."""
        named, kept = self.row_name, list(positions)
        return replace(
            self,
            texts=[self.texts[row] for row in kept],
            labels=[self.labels[row] for row in kept],
            row_name=lambda row: named(kept[row]),
        )

    def add_faults(self, faults: Faults, values: Sequence[object]) -> None:
        """Take down each of `values` that is `Wrong`."""
        for row, value in enumerate(values):
            if isinstance(value, Wrong):
                faults.add(value, self.source, lambda row=row: self.row_name(row))  # type: ignore[misc]


def joined(source: str, parts: Sequence[RawSplit]) -> RawSplit:
    """Return one split out of several files, in their order."""
    if len(parts) == 1:
        return parts[0]
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part.texts))

    def row_name(row: int) -> str:
        at = max(k for k, start in enumerate(starts[:-1]) if start <= row)
        return f"{parts[at].source.rpartition('/')[2]}, {parts[at].row_name(row - starts[at])}"

    stated = {part.label_names for part in parts}
    if len(stated) > 1:
        raise DataError(f"{source}: its files state different label names; expected the same in each")
    return RawSplit(
        source,
        [text for part in parts for text in part.texts],
        [label for part in parts for label in part.labels],
        row_name,
        parts[0].label_names,
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def is_missing(value: object) -> bool:
    """Return whether a cell is null or holds nothing but blanks."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def text_or_wrong(text: object, droppable: bool = True) -> str | Wrong:
    """Return a text, or why it is none; `droppable`: whether there is a setting that leaves such rows out."""
    if isinstance(text, str) and text.strip():
        try:
            text.encode()
        except UnicodeEncodeError as e:
            return Wrong(
                f"the text holds a lone surrogate (\\u{ord(text[e.start]):04x}), which no UTF-8 text can",
                "write the character itself",
                kind="surrogate",
            )
        return text
    if isinstance(text, Wrong):
        return text
    if is_missing(text):
        state = "empty" if isinstance(text, str) else "null"
        otherwise = ", or set `drop_empty` to leave such rows out" if droppable else ""
        return Wrong(f"the text is {state}", f"fill it in or remove the row{otherwise}")
    return Wrong(
        f"the text is {_shown(text)} of type {type(text).__name__}, expected a string",
        "quote it or choose another column with `text_column`",
        kind="type",
    )


def label_or_wrong(label: object) -> str | Wrong:
    """Return the name of a label, or why it is none: strings without outer blanks, integers and booleans as written."""
    if isinstance(label, Wrong):
        return label
    if is_missing(label):
        state = "empty" if isinstance(label, str) else "null"
        return Wrong(
            f"the label is {state}", "fill it in or remove the row, or set `drop_unlabelled` to leave such rows out"
        )
    if isinstance(label, float | Decimal) and _is_whole(label):
        label = int(label)  # a column of integers with a gap somewhere is read as floats
    if isinstance(label, bool | int):
        label = str(label)
    if not isinstance(label, str):
        return Wrong(
            f"the label is {_shown(label)} of type {type(label).__name__}, expected an integer or a string",
            "choose the column with `label_column`",
            kind="label type",
        )
    name = label.strip()
    if not is_name(name):
        return Wrong(
            f"the label {_shown(name)} is no name (over {LABEL_LENGTH} characters, or control characters)",
            "choose the column with `label_column`",
            kind="label name",
        )
    return name


def is_name(name: str) -> bool:
    r"""Return whether `name` can be that of a class: any characters but control characters and line separators.

    Examples
    --------
    >>> is_name("خانه\u200cها"), is_name("two\nlines")
    (True, False)
    """
    return 0 < len(name) <= LABEL_LENGTH and not any(unicodedata.category(one) in _NO_NAME for one in name)


def _is_whole(number: float | Decimal) -> bool:
    try:
        return bool(number == int(number)) and abs(int(number)) < 10**18
    except (ArithmeticError, ValueError):
        return False


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
