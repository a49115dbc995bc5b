"""What commands print: results on standard output, remarks and errors on standard error, always safe to show."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from featx.cli.failures import spelling
from featx.cli.tables import table, terminal_width
from featx.errors import spelled
from featx.markup import visible

if TYPE_CHECKING:
    from featx.experiment.report import Reported


def prepare_streams() -> None:
    """Let no character end a command: UTF-8 where nobody asked for another encoding, ``?`` where it lacks one."""
    for stream in (sys.stdout, sys.stderr):
        if not hasattr(stream, "reconfigure"):
            continue
        asked = os.environ.get("PYTHONIOENCODING", "").partition(":")[0]
        stream.reconfigure(encoding=None if asked or _is_utf8(stream) else "utf-8", errors="replace")


def _is_utf8(stream: Any) -> bool:
    return (stream.encoding or "").lower().replace("-", "") in ("utf8", "utf8sig")


def say(text: str, *, err: bool = False) -> None:
    """Print lines of text; what could move the cursor or reorder a line is shown as an escape."""
    click.echo("\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n")), err=err)


def say_json(content: Any) -> None:
    """Print a JSON object; all but ASCII is escaped, so that it is the same in every encoding."""
    click.echo(json.dumps(content))


def show_runs(runs: Any, as_json: bool) -> None:
    """Print one line a run, or a JSON object with their records."""
    if as_json:
        say_json({"runs": [{"folder": str(run.folder)} | run.record.to_json() for run in runs]})
        return
    say(table(["", ""], [[str(run.folder), _in_words(run.record)] for run in runs]))


def _in_words(record: Any) -> str:
    if record.failure is not None:
        return f"failed: {record.failure}"
    metric = record.selection.metric
    validation, test = (record.metric(split, metric) for split in ("validation", "test"))
    stuck = "  NOT CONVERGED" if record.converged is False else ""
    return f"{metric} validation {validation:.3f}  test {test:.3f}  {record.selection.summary}{stuck}"


def show_report(reported: Reported, format_name: str = "table") -> None:
    """Print the comparison in one of the formats; the table with the answer above and the files below."""
    from featx.experiment.report import answer, render

    comparison = reported.comparison
    if format_name != "table":
        made = render(comparison, format_name)
        click.echo(_in_ascii(made) if format_name == "json" else _as_it_is(made))
        return
    for sentence in answer(comparison):
        say(spelled(sentence, spelling()))
    say(f"\n{comparison.metric}, interval of {comparison.confidence:.0%} over test texts")
    _show_table(render(comparison, "table", terminal_width()))
    say("")
    for note in comparison.notes:
        say(f"note: {spelled(note, spelling())}")
    say(f"report: {reported.files[0]}")
    say(f"figures: {reported.files[0].parent / 'figures'}")


def _in_ascii(content: str) -> str:
    return re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], content)


def _as_it_is(text: str) -> str:
    """Return data for other programs unchanged, and made safe where a person looks at it."""
    return "\n".join(map(visible, text.split("\n"))) if sys.stdout.isatty() else text


#: Words of the table, and how they stand out on a terminal.
_COLOURS = {"better": "green", "worse": "red", "equivalent": "cyan", "reference": "bold", "NOT": "red"}


def _show_table(shown: str) -> None:
    """Print the table; on a terminal with its verdicts in colour, unless NO_COLOR says otherwise."""
    if not sys.stdout.isatty():
        say(shown)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for at, line in enumerate(shown.splitlines()):
        text = Text(visible(line), style="bold" if at == 0 else "")
        for word, colour in _COLOURS.items():
            text.highlight_words([word], colour)
        console.print(text)


def show_prediction(prediction: Any) -> None:
    """Print label, scores and text, tab-separated."""
    scores = prediction.scores or {}
    shown = " ".join(f"{name}={score:.3f}" for name, score in scores.items())
    click.echo("\t".join(map(visible, [prediction.label, shown, " ".join(prediction.text.split())])))
