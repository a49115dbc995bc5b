"""Text of others made safe to show: in a terminal, and in HTML tables of notebooks. Imports nothing of featx."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

#: Signs of no width that real names in Persian, Indic scripts and emoji need.
_JOINERS = "\u200c\u200d"
#: Control characters, separators of lines, direction marks and other signs of formatting, halves of surrogates.
_HIDDEN = ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")


def visible(text: str) -> str:
    r"""Return `text` with signs that would move a terminal's cursor, or reorder its line, written as escapes.

    Examples
    --------
    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(
        sign if unicodedata.category(sign) not in _HIDDEN or sign in _JOINERS else _escaped(sign) for sign in text
    )


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def html_table(header: Sequence[object], rows: Iterable[Sequence[object]], remarks: Iterable[object] = ()) -> str:
    """Return a table and a paragraph for each remark.

    Examples
    --------
    >>> html_table(["a"], [["<b>"]])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(str(cell))}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    text = "".join(f"<p>{escape(str(remark))}</p>" for remark in remarks)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{text}"
