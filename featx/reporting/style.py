"""How figures look: colours that the colour-blind tell apart, markers and hatches for print in grey, names kept short.

Colours: Okabe and Ito, Color Universal Design (2008), without its black and yellow, which vanish on a dark or a white
page. Line work is pure black (``INK``), which the page turns into its own text colour.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from featx.reporting.escaping import clipped
from featx.reporting.fonts import families_for

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
LINES = ("-", "--", "-.", ":")
INK = "#000000"
GREY = "#8c8c8c"
#: Makes SVG files the same for the same data (ids from a fixed salt), with labels as real text.
_SVG: Any = {"svg.hashsalt": "featx", "svg.fonttype": "none"}
_BACKEND = "MPLBACKEND"


def plain(text: str, length: int = 24) -> str:
    """Return `text` short enough for a figure, and with dollars that start no formula."""
    return clipped(text, length).replace("$", r"\$")


def legend_label(text: str, length: int = 24) -> str:
    """Return `text` for a legend, which would leave out a name that begins with an underscore."""
    label = plain(text, length)
    return "\u200b" + label if label.startswith("_") else label


@contextmanager
def own_look() -> Iterator[None]:
    """Let figures look as matplotlib's defaults say, whatever the user's own settings are; also a decorator."""
    mpl = _matplotlib()
    ours = {name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"}
    with mpl.rc_context(ours | _SVG):
        yield


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure, sizes in inches, that needs no backend of the user's."""
    _matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _matplotlib() -> Any:
    """Return matplotlib, which could not even be imported where `MPLBACKEND` names one that is not installed."""
    if "matplotlib" not in sys.modules:
        wanted = os.environ.pop(_BACKEND, None)
        try:
            import matplotlib
        finally:
            if wanted is not None:
                os.environ[_BACKEND] = wanted
        if wanted is not None:
            with suppress(ValueError):
                matplotlib.rcParams["backend"] = wanted
    return sys.modules["matplotlib"]


def axes_or_new(ax: Any, width: float = 6.0, height: float = 4.0) -> Any:
    """Return `ax`, or axes on a figure of their own."""
    return new_figure(width, height).subplots() if ax is None else ax


def tidy(ax: Any, grid: str = "both") -> None:
    """Take away what carries no data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.grid(axis=grid, color=GREY, alpha=0.25, linewidth=0.8)
    ax.set_axisbelow(True)


def drawn(figure: Any, suffix: str) -> bytes:
    """Return `figure` as ``png`` or ``svg``; the same bytes for the same data."""
    mpl = _matplotlib()
    from matplotlib.text import Text

    texts = figure.findobj(Text)
    families = families_for(text.get_text() for text in texts)
    for text in texts:
        text.set_fontfamily(families)
    buffer = io.BytesIO()
    metadata = {"Date": None} if suffix == "svg" else {"Software": None}
    with own_look(), mpl.rc_context({"font.family": families}), warnings.catch_warnings():
        # A label in a script that no installed font has; SVG files and the page hold it as text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure.savefig(buffer, format=suffix, dpi=150, metadata=metadata)
    figure.set_layout_engine(None)  # what was laid out once stays so, and the next format need not wait for it
    return buffer.getvalue()
