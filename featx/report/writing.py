"""The report folder: tables, figures, Markdown and one self-contained HTML page."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from featx.errors import RunError
from featx.report.answer import answer
from featx.report.cells import columns
from featx.report.comparison import Comparison
from featx.report.confusion_display import ConfusionDisplay
from featx.report.formats import render
from featx.report.score_display import ScoreDisplay

_TEMPLATES = Path(__file__).parent / "templates"
#: Makes SVG files the same for the same data: ids from a fixed salt, no date.
_SVG_RC: Any = {"svg.hashsalt": "featx", "svg.fonttype": "path"}


def write_report(comparison: Comparison, folder: Path, title: str) -> list[Path]:
    """Write the report of `comparison` into `folder`.

    Returns
    -------
    list of Path
        ``report.html`` first, then ``report.md``, tables and figures.

    Raises
    ------
    RunError
        If the folder cannot be written.
    """
    figures = _figures(comparison)
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        written = [_write(folder / "report.html", _html(comparison, title, figures))]
        written.append(_write(folder / "report.md", _markdown(comparison, title, figures)))
        tables = (_write(folder / f"table.{kind}", render(comparison, kind) + "\n") for kind in ("csv", "tex", "json"))
        written.extend(tables)
        for name, figure in figures.items():
            for suffix in ("png", "svg"):
                path = folder / "figures" / f"{name}.{suffix}"
                path.write_bytes(_drawn(figure, suffix))
                written.append(path)
    except OSError as e:
        raise RunError(f"the report cannot be written to {folder}: {e.strerror or e}") from e
    return written


def _write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def _figures(comparison: Comparison) -> dict[str, Any]:
    figures = {"scores": ScoreDisplay(comparison).figure()}
    for row in comparison.rows:
        seeds = f", {len(row.seeds)} seeds together" if len(row.seeds) > 1 else ""
        display = ConfusionDisplay(row.confusion, comparison.label_names, f"{row.method} on test{seeds}")
        figures[f"confusion-{row.method}"] = display.figure()
    return figures


def _drawn(figure: Any, suffix: str) -> bytes:
    import matplotlib as mpl

    buffer = io.BytesIO()
    metadata = {"Date": None} if suffix == "svg" else {"Software": None}
    with mpl.rc_context(_SVG_RC), warnings.catch_warnings():
        # A label in a script that the font lacks; the page shows it as real text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format=suffix, dpi=150, metadata=metadata)
    return buffer.getvalue()


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    splits = comparison.data["splits"]
    sizes = ", ".join(f"{name} {facts['n_texts']}" for name, facts in splits.items())
    facts = [
        (
            "data",
            comparison.data["address"] + (f" at {r[:12]}" if (r := comparison.data.get("revision")) else ""),
        ),
        ("texts", sizes),
        ("labels", ", ".join(comparison.label_names)),
        ("checkpoint", ", ".join(comparison.checkpoints) or "none"),
        (
            "metric",
            f"{comparison.metric}; intervals of {comparison.confidence:.0%} by bootstrap over test texts",
        ),
    ]
    return facts + [("note", note) for note in (*comparison.data["notes"], *comparison.missing)]


def _markdown(comparison: Comparison, title: str, figures: Mapping[str, Any]) -> str:
    facts = "\n".join(f"- {_md(name)}: {_md(value)}" for name, value in _facts(comparison))
    images = "\n\n".join(f"![{name}](figures/{name}.svg)" for name in figures)
    sentences = " ".join(map(_md, answer(comparison)))
    return f"# {_md(title)}\n\n{sentences}\n\n{render(comparison, 'md')}\n\n{facts}\n\n{images}\n"


def _md(text: str) -> str:
    """Text with what Markdown or HTML in it would read as markup made harmless."""
    for sign in "\\`*_[]<>":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())


def _html(comparison: Comparison, title: str, figures: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    shown = columns(comparison)
    images = {name: base64.b64encode(_drawn(figure, "svg")).decode() for name, figure in figures.items()}
    return environment.get_template("report.html.jinja").render(
        title=title,
        answer=answer(comparison),
        columns=shown,
        rows=[[column.cell(row) for column in shown] for row in comparison.rows],
        facts=_facts(comparison),
        images=images,
    )
