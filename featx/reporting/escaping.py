"""Names and texts of others made safe for each place where a report shows them: one function a format."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from featx.markup import visible

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "–": "--",
    }
)


def clipped(text: str, length: int) -> str:
    r"""Return `text` on one line, cut to `length` characters with an ellipsis; what is hidden in it stands as escapes.

    Examples
    --------
    >>> clipped("a\nvery long name", 8)
    'a very …'
    """
    flat = _flat(text)
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def short_names(names: Sequence[str], length: int = 24) -> list[str]:
    """Return each of `names` cut to `length` characters, none like another.

    Names that begin alike are cut in the middle; where that does not tell them apart either, they are numbered by their
    positions.

    Examples
    --------
    >>> short_names(["a long name, one", "a long name, two", "other"], 9)
    ['a lo… one', 'a lo… two', 'other']
    >>> short_names(["ab", "ab"], 9)
    ['1: ab', '2: ab']
    """
    made = [clipped(name, length) for name in names]
    for cut in (_cut_in_the_middle, _numbered):
        count = Counter(made)
        made = [cut(at, _flat(names[at]), length) if count[name] > 1 else name for at, name in enumerate(made)]
    return made


def markdown_text(text: str, length: int = 500) -> str:
    """Return `text` on one line, with what Markdown or HTML in it would read as markup made harmless."""
    for sign in "\\`*_[]<>|#&~!":
        text = text.replace(sign, "\\" + sign)
    return clipped(text, length)


def latex_text(text: str) -> str:
    """Return `text` on one line with the signs that LaTeX reads escaped."""
    return _flat(text).translate(_LATEX)


def csv_cell(value: Any) -> Any:
    """Return `value` fit for a spreadsheet, which runs text that starts with some signs: an apostrophe stops it."""
    if not isinstance(value, str):
        return value
    return "'" + visible(value) if value.startswith(("=", "+", "-", "@", "\t", "\r")) else visible(value)


def _flat(text: str) -> str:
    spaced = "".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in text)
    return visible(" ".join(spaced.split()))


def _cut_in_the_middle(at: int, name: str, length: int) -> str:
    if len(name) <= length:
        return name
    end = (length - 1) // 2
    return f"{name[: length - 1 - end]}…{name[-end:]}"


def _numbered(at: int, name: str, length: int) -> str:
    number = f"{at + 1}: "
    return number + clipped(name, max(2, length - len(number)))
