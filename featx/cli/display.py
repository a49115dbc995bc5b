"""Progress bars on standard error: silent when it is no terminal, or with ``--quiet``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from featx.cli.failures import spelling
from featx.cli.output import say
from featx.cli.tables import terminal_width
from featx.errors import spelled
from featx.experiment.progress import Display, ProgressBar, Silent
from featx.markup import visible

if TYPE_CHECKING:
    from featx.reporting import Comparison


class _Bar:
    def __init__(self, progress: Any, bar: Any) -> None:
        self._progress, self._bar = progress, bar

    def update(self, done: int, total: int | None = None, detail: str = "") -> None:
        changes = {"total": total} if total is not None else {}
        self._progress.update(self._bar, completed=done, detail=visible(detail), **changes)


class Terminal:
    """Bars by rich, remarks as lines."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[ProgressBar]:
        """Show a bar that stays, finished, when the work is done."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[detail]}", markup=False),
        )
        with Progress(*columns, console=self._console) as progress:
            yield _Bar(progress, progress.add_task(visible(description), total=total, detail=""))

    def say(self, message: str) -> None:
        """Print one line on standard error."""
        self._console.print(visible(spelled(message, spelling())), markup=False, highlight=False)


class Lines(Silent):
    """No bars, only remarks: for logs."""

    def say(self, message: str) -> None:
        """Print one line on standard error."""
        say(spelled(message, spelling()), err=True)


def make_display(quiet: bool) -> Display:
    """Return bars on a terminal, lines elsewhere, nothing with `quiet`."""
    if quiet:
        return Silent()
    return Terminal() if sys.stderr.isatty() else Lines()


def make_show(quiet: bool) -> Callable[[Comparison, str], None]:
    """Return what shows a comparison that goes on: the table on a terminal, the best methods in a line elsewhere."""
    if quiet:
        return lambda comparison, then: None
    return _redraw if sys.stderr.isatty() else _in_a_line


def _redraw(comparison: Comparison, then: str) -> None:
    from featx.reporting import answer, render

    shown = [*answer(comparison)[:1], render(comparison, "table", terminal_width()), then, ""]
    say(spelled("\n".join(part for part in shown if part), spelling()), err=True)


def _in_a_line(comparison: Comparison, then: str) -> None:
    from featx.reporting import answer

    best = ", ".join(f"{row.method} {row.test.value:.3f}" for row in comparison.rows[:3])
    first = answer(comparison)[0] if comparison.headline is not None else ""
    say(" ".join(filter(None, [f"so far {comparison.metric} on test: {best}.", first, then])), err=True)
