"""How figures look: colours that the colour-blind tell apart, markers and hatches for print in grey, names kept short.

Colours: Okabe and Ito, Color Universal Design (2008), without its black and yellow, which vanish on a dark or a white
page. Line work is pure black (``INK``), which the page turns into its own text colour.
"""

from __future__ import annotations

import io
import unicodedata
import warnings
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
LINES = ("-", "--", "-.", ":")
INK = "#000000"
GREY = "#8c8c8c"
#: Makes SVG files the same for the same data (ids from a fixed salt), with labels as real text.
_SVG: Any = {"svg.hashsalt": "featx", "svg.fonttype": "none"}
#: Fonts that have what matplotlib's own lacks; those that are installed are used.
_FALLBACKS = ("Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Sans Hebrew", "Noto Sans Thai")


def clipped(text: str, length: int) -> str:
    r"""`text` on one line, cut to `length` characters with an ellipsis, without control characters.

    Examples
    --------
    >>> clipped("a\nvery long name", 8)
    'a very …'
    """
    flat = " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in text).split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def plain(text: str, length: int = 24) -> str:
    """`text` short enough for a figure, and with dollars that start no formula."""
    return clipped(text, length).replace("$", r"\$")


def new_figure(width: float, height: float) -> Any:
    """An empty figure, sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def axes_or_new(ax: Any, width: float = 6.0, height: float = 4.0) -> Any:
    """`ax`, or axes on a figure of their own."""
    return new_figure(width, height).subplots() if ax is None else ax


def tidy(ax: Any, grid: str = "both") -> None:
    """Take away what carries no data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.grid(axis=grid, color=GREY, alpha=0.25, linewidth=0.8)
    ax.set_axisbelow(True)


def drawn(figure: Any, suffix: str) -> bytes:
    """`figure` as ``png`` or ``svg``; the same bytes for the same data."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    metadata = {"Date": None} if suffix == "svg" else {"Software": None}
    with mpl.rc_context(_SVG | {"font.family": _fonts()}), warnings.catch_warnings():
        # A label in a script that the fonts lack; SVG files and the page hold it as text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure.savefig(buffer, format=suffix, dpi=150, metadata=metadata)
    figure.set_layout_engine(None)  # what was laid out once stays so, and the next format need not wait for it
    return buffer.getvalue()


def _fonts() -> list[str]:
    from matplotlib.font_manager import fontManager

    there = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in _FALLBACKS if name in there)]
