"""``report.html``: one file that opens from disk, loads nothing, and runs no script but its own.

The content-security policy names the page's style sheet and script by their hashes. Values reach the page through
escaping templates, or as JSON that the script writes as text; whatever a text or a name holds, it stays text.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from featx.reporting.answer import answer
from featx.reporting.cells import Column, columns
from featx.reporting.details import Details
from featx.reporting.differing import page_data, shared_rows
from featx.reporting.escaping import clipped
from featx.reporting.figures import ReportFigure
from featx.reporting.inline_svg import inline_svg
from featx.reporting.run_summary import describe_data

_TEMPLATES = Path(__file__).parent / "templates"
#: Columns from this rank on are folded away on narrow screens.
_MINOR = 3
_LONGEST_CELL, _LONGEST_SENTENCE = 120, 2_000


def page(details: Details, title: str, figures: Sequence[tuple[ReportFigure, bytes]]) -> str:
    """Return the whole page.

    Parameters
    ----------
    details : Details
    title : str
    figures : sequence of (ReportFigure, bytes)
        Each with its SVG.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    style, script = ((_TEMPLATES / f"report.{kind}").read_text("utf-8") for kind in ("css", "js"))
    comparison, shown = details.comparison, columns(details.comparison)
    sections: dict[str, list[dict[str, Any]]] = {}
    for figure, svg in figures:
        if figure.section:
            markup = Markup(inline_svg(svg, figure.name, figure.caption))  # noqa: S704 (built from escaped parts)
            sections.setdefault(figure.section, []).append({"svg": markup, "caption": figure.caption})
    return environment.get_template("report.html.jinja").render(
        title=clipped(title, _LONGEST_CELL),
        style=Markup(style),  # noqa: S704 (our own files)
        script=Markup(script),  # noqa: S704
        policy=Markup(_policy(style, script)),  # noqa: S704 (our own words and base64)
        answer=[clipped(sentence, _LONGEST_SENTENCE) for sentence in answer(comparison)],
        columns=[_head(column) for column in shown],
        rows=[_row(details, at, shown) for at in range(len(comparison.rows))],
        facts=[(name, clipped(value, 4 * _LONGEST_CELL)) for name, value in describe_data(comparison)],
        notes=[clipped(note, 4 * _LONGEST_CELL) for note in comparison.notes],
        sections=sections,
        differing=any(votes is not None for votes in details.votes) or len(details.names) > 1,
        with_texts=details.texts is not None,
        shared=None if details.overlap is None else shared_rows(details),
        n_shared=len(details.overlap or ()),
        n_test=comparison.data.test.n_texts,
        data=Markup(_json(page_data(details))),  # noqa: S704 (escaped in _json)
    )


def _head(column: Column) -> dict[str, Any]:
    short = column.short or column.title
    return {"title": column.title, "short": short, "numeric": column.numeric, "minor": column.rank >= _MINOR}


def _row(details: Details, at: int, shown: Sequence[Column]) -> dict[str, Any]:
    row = details.comparison.rows[at]
    cells = [clipped(column.cell(row), _LONGEST_CELL) for column in shown]
    return {"cells": cells, "reference": at == details.base and details.comparison.reference is not None}


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(content.encode()).digest()).decode()}'"


def _json(content: Any) -> str:
    """Return JSON that no HTML parser takes for markup, and no script engine for more than one line."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
