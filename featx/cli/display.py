"""Progress bars on standard error: silent when it is no terminal, or with ``--quiet``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from featx.cli.failures import spelling
from featx.cli.output import say
from featx.errors import spelled
from featx.experiment.progress import Display, ProgressBar, Silent
from featx.markup import visible


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
