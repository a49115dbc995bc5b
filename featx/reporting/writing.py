"""The report folder: tables, figures, Markdown and one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from featx.errors import RunError
from featx.files import write_file
from featx.reporting.comparison import Comparison
from featx.reporting.details import take_apart
from featx.reporting.figures import report_figures
from featx.reporting.formats import render
from featx.reporting.markdown import markdown
from featx.reporting.page import page
from featx.reporting.style import drawn
from featx.runs import Run, SharedText, check_is_no_link


def write_report(
    comparison: Comparison,
    folder: Path,
    title: str,
    runs: Sequence[Run] = (),
    texts: Sequence[str] | None = None,
    shared: Sequence[SharedText] | None = None,
) -> list[Path]:
    """Write the report of `comparison` into `folder`.

    Parameters
    ----------
    comparison : Comparison
    folder : Path
    title : str
    runs : sequence of Run, optional
        What was compared; without them the report does not go into single texts.
    texts : sequence of str, optional
        The test texts; without them row numbers are shown, and no text stands anywhere.
    shared : sequence of SharedText, optional
        Test texts that stand in train too.

    Returns
    -------
    list of Path
        ``report.html`` first, then ``report.md``, tables and figures.

    Raises
    ------
    RunError
        If the folder cannot be written.
    """
    details = take_apart(comparison, runs, texts, shared)
    figures = list(report_figures(details))
    try:
        check_is_no_link(folder / "figures")
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        svgs, drawings = [], []
        for figure in figures:
            svgs.append(drawn(figure.figure, "svg"))
            for suffix, content in (("png", drawn(figure.figure, "png")), ("svg", svgs[-1])):
                path = folder / "figures" / f"{figure.name}.{suffix}"
                write_file(path, [content])
                drawings.append(path)
        pairs = list(zip(figures, svgs, strict=True))
        written = [_write(folder / "report.html", page(details, title, pairs))]
        written.append(_write(folder / "report.md", markdown(details, title, figures)))
        tables = (_write(folder / f"table.{kind}", render(comparison, kind) + "\n") for kind in ("csv", "tex", "json"))
        written.extend(tables)
    except OSError as e:
        raise RunError(f"the report cannot be written to {folder}: {e.strerror or e}") from e
    return written + drawings


def _write(path: Path, text: str) -> Path:
    write_file(path, [text.encode()])
    return path
