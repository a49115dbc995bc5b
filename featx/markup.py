"""Text of others made safe to show, tables of it for terminals and notebooks, and times. Imports nothing of featx."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Container, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.box import Box

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


def duration(seconds: float) -> str:
    """Return a time as people read it, rounded.

    Examples
    --------
    >>> [duration(seconds) for seconds in (0.4, 42.3, 200, 5_000, 90_000)]
    ['under 1 s', '42 s', '3 min 20 s', '1 h 23 min', '25 h 0 min']
    """
    if seconds < 1:
        return "under 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def about(seconds: float) -> str:
    """Return a time that is a forecast, as people read it.

    Examples
    --------
    >>> about(0.4), about(42.3)
    ('under 1 s', 'about 42 s')
    """
    return duration(seconds) if seconds < 1 else f"about {duration(seconds)}"


#: Characters a line that no table needs.
ENDLESS = 10_000


def text_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Container[int] = (), width: int = ENDLESS
) -> str:
    """Return aligned text, by rich: wide characters count for two, and cells that do not fit are folded, never cut.

    Parameters
    ----------
    head : sequence of str
        Titles of the columns; without a word in them there is no line for them.
    rows : iterable of sequence of str
    right : container of int
        Positions of the columns that stand on the right.
    width : int
        Characters a line.

    Examples
    --------
    >>> print(text_table(["name", "n"], [["日本", "10"], ["x", "9"]], right={1}))
    name   n
    ───── ──
    日本  10
    x      9
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(
        box=_rule(), show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), show_header=any(head), header_style=None
    )
    for at, title in enumerate(head):
        made.add_column(Text(visible(title)), justify="right" if at in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(visible(cell)) for cell in row))
    file = io.StringIO()
    Console(file=file, width=width, color_system=None, legacy_windows=False).print(made)
    return "\n".join(line.rstrip() for line in file.getvalue().rstrip("\n").split("\n"))


def _rule() -> Box:
    """Return rich's form of a table with a line under its head and nothing else."""
    from rich.box import Box

    blank = "    \n"
    return Box(blank * 2 + " ─  \n" + blank * 5)
