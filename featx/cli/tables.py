"""Tables on standard output, by rich: wide characters count for two, and every cell is made safe to show."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from featx.markup import visible

if TYPE_CHECKING:
    from rich.box import Box

#: Characters a line where standard output is no terminal: nothing is folded there.
_ENDLESS = 10_000


def terminal_width() -> int:
    """Return the characters a line; 80 when standard output is no terminal."""
    return shutil.get_terminal_size((80, 24)).columns


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], right: Container[int] = (), width: int | None = None
) -> str:
    """Return aligned text; the columns at the positions `right` stand on the right.

    Cells that do not fit into `width` are folded, never cut. Without a `width`, lines are as long as the terminal's,
    and as long as they must be elsewhere. Without words in `head` there is no line for it.
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
    if width is None:
        width = terminal_width() if sys.stdout.isatty() else _ENDLESS
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    console.print(made)
    shown: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in shown.rstrip("\n").split("\n"))


def _rule() -> Box:
    """Return rich's form of a table with a line under its head and nothing else."""
    from rich.box import Box

    blank = "    \n"
    return Box(blank * 2 + " ─  \n" + blank * 5)
