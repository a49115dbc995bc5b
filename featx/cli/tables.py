"""Tables on standard output."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Container, Sequence

from featx.markup import ENDLESS, text_table


def terminal_width() -> int:
    """Return the characters a line; 80 when standard output is no terminal."""
    return shutil.get_terminal_size((80, 24)).columns


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Container[int] = ()) -> str:
    """Return aligned text, folded to the terminal's width, and with lines as long as they must be elsewhere."""
    return text_table(head, rows, right, terminal_width() if sys.stdout.isatty() else ENDLESS)
