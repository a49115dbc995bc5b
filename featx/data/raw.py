"""`RawSplit`: what a reader hands on, before labels become integers; and the checks on single values.

Every problem is named with the file, the row and the remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from featx.errors import DataError

#: Characters of a label's name.
LABEL_LENGTH = 100


@dataclass(frozen=True)
class RawSplit:
    """Texts and labels as a source holds them.

    Attributes
    ----------
    source : str
        File or split to name in messages.
    texts, labels : sequence
        One value a row: texts, and labels as integers or strings.
    row_name : callable
        From a 0-based position to what the user sees, such as ``line 12``.
    """

    source: str
    texts: Sequence[object]
    labels: Sequence[object]
    row_name: Callable[[int], str] = lambda row: f"row {row + 1}"

    def where(self, row: int) -> str:
        """File and row, for a message."""
        return f"{self.source}, {self.row_name(row)}"


def checked_texts(split: RawSplit) -> list[str]:
    """Texts of `split`, each a non-empty string that UTF-8 can hold.

    Raises
    ------
    DataError
        At the first text that is not; names file, row and remedy.
    """
    if not len(split.texts):
        raise DataError(f"{split.source} holds no rows; give it at least one labelled text")
    return [_checked_text(text, split, row) for row, text in enumerate(split.texts)]


def _checked_text(text: object, split: RawSplit, row: int) -> str:
    if text is None or (isinstance(text, float) and text != text):
        raise DataError(f"{split.where(row)}: the text is null; fill it in or remove the row")
    if not isinstance(text, str):
        raise DataError(
            f"{split.where(row)}: the text is {_shown(text)} of type {type(text).__name__}, expected a string; "
            "quote it or choose another column with --text-column"
        )
    if not text.strip():
        raise DataError(f"{split.where(row)}: the text is empty; fill it in or remove the row")
    try:
        text.encode()
    except UnicodeEncodeError as e:
        raise DataError(
            f"{split.where(row)}: the text holds a lone surrogate (\\u{ord(text[e.start]):04x}), "
            "which no UTF-8 text can; write the character itself"
        ) from e
    return text


def label_text(label: object, split: RawSplit, row: int) -> str:
    """Name of a label: strings without their outer blanks, integers and booleans as written."""
    if label is None or (isinstance(label, float) and label != label):
        raise DataError(f"{split.where(row)}: the label is null; fill it in or remove the row")
    if isinstance(label, float) and label.is_integer():
        label = int(label)  # a column of integers with a gap somewhere is read as floats
    if isinstance(label, bool | int):
        label = str(label)
    if not isinstance(label, str):
        raise DataError(
            f"{split.where(row)}: the label is {_shown(label)} of type {type(label).__name__}, expected an integer "
            "or a string; choose the column with --label-column"
        )
    name = label.strip()
    if not name:
        raise DataError(f"{split.where(row)}: the label is empty; fill it in or remove the row")
    if not name.isprintable() or len(name) > LABEL_LENGTH:
        raise DataError(
            f"{split.where(row)}: the label {_shown(name)} is no name (over {LABEL_LENGTH} characters, or "
            "control characters); choose the column with --label-column"
        )
    return name


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
