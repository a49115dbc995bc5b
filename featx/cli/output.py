"""What commands print on standard output."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from featx.experiment.report import Reported


def terminal_width() -> int:
    """Characters a line; 80 when standard output is no terminal."""
    return shutil.get_terminal_size((80, 24)).columns


def show_runs(runs: Any, as_json: bool) -> None:
    """One line a run, or a JSON object with their records."""
    if as_json:
        click.echo(json.dumps({"runs": [{"folder": str(run.folder)} | run.record.to_json() for run in runs]}))
        return
    width = max(len(str(run.folder)) for run in runs)
    for run in runs:
        record = run.record
        if record.failure is not None:
            click.echo(f"{run.folder!s:{width}}  failed: {record.failure}")
            continue
        metric = record.selection.metric
        validation, test = (record.metric(split, metric) for split in ("validation", "test"))
        stuck = "  NOT CONVERGED" if record.converged is False else ""
        click.echo(
            f"{run.folder!s:{width}}  {metric} validation {validation:.3f}  test {test:.3f}  "
            f"{record.selection.summary}{stuck}"
        )


def show_report(reported: Reported, format_name: str = "table") -> None:
    """The comparison in one of the formats; the table with the answer above and the files below."""
    from featx.experiment.report import answer, render

    if format_name != "table":
        click.echo(render(reported.comparison, format_name))
        return
    for sentence in answer(reported.comparison):
        click.echo(sentence)
    click.echo()
    click.echo(f"{reported.comparison.metric}, interval of {reported.comparison.confidence:.0%} over test texts")
    _show_table(render(reported.comparison, "table", terminal_width()))
    click.echo()
    for note in reported.comparison.notes:
        click.echo(f"note: {note}")
    click.echo(f"report: {reported.files[0]}")
    click.echo(f"figures: {reported.files[0].parent / 'figures'}")


#: Words of the table, and how they stand out on a terminal.
_COLOURS = {"better": "green", "worse": "red", "equivalent": "cyan", "reference": "bold", "NOT": "red"}


def _show_table(table: str) -> None:
    """The table; on a terminal with its verdicts in colour, unless NO_COLOR says otherwise."""
    if not sys.stdout.isatty():
        click.echo(table)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for at, line in enumerate(table.splitlines()):
        shown = Text(line, style="bold" if at == 0 else "")
        for word, colour in _COLOURS.items():
            shown.highlight_words([word], colour)
        console.print(shown)


def show_prediction(prediction: Any) -> None:
    """Label, scores and text, tab-separated."""
    scores = prediction.scores or {}
    shown = " ".join(f"{name}={score:.3f}" for name, score in scores.items())
    click.echo("\t".join([prediction.label, shown, " ".join(prediction.text.split())]))
