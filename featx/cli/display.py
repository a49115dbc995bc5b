"""Progress bars on standard error: silent when it is no terminal, or with ``--quiet``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from featx.cli.failures import spelling
from featx.cli.output import say
from featx.errors import spelled
from featx.experiment.comparing.showing import best_of, state_of
from featx.experiment.progress import ProgressBar, Silent
from featx.markup import visible

if TYPE_CHECKING:
    from featx.experiment.report import Comparison


class _Bar:
    def __init__(self, progress: Any, bar: Any) -> None:
        self._progress, self._bar = progress, bar

    def update(self, done: int, total: int | None = None, detail: str = "") -> None:
        changes = {"total": total} if total is not None else {}
        self._progress.update(self._bar, completed=done, detail=visible(detail), **changes)


class Terminal:
    """Bars by rich, remarks as lines; of a comparison that goes on the table, redrawn in its place."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._live: Any = None
        self._table: Any = ""

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[ProgressBar]:
        """Show a bar that stays, finished, when the work is done; under a table, until then."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[detail]}", markup=False),
        )
        progress = Progress(*columns, console=self._console)
        bar = _Bar(progress, progress.add_task(visible(description), total=total, detail=""))
        if self._live is None:
            with progress:
                yield bar
            return
        self._draw(progress)
        try:
            yield bar
        finally:
            self._draw()

    def say(self, message: str) -> None:
        """Print one line on standard error."""
        self._console.print(visible(spelled(message, spelling())), markup=False, highlight=False)

    @contextmanager
    def following(self) -> Iterator[Callable[[Comparison, str], None]]:
        """Yield what redraws a comparison; the table is gone at the end, when the whole report is printed."""
        from rich.live import Live

        with Live(console=self._console, transient=True, refresh_per_second=4) as self._live:
            try:
                yield self._show
            finally:
                self._live = None

    def _show(self, comparison: Comparison, then: str) -> None:
        from rich.text import Text

        shown = "\n".join(visible(line) for line in state_of(comparison, self._console.width).split("\n"))
        self._table = Text(f"\n{shown}\n{visible(then)}\n")
        self._draw()

    def _draw(self, *below: Any) -> None:
        from rich.console import Group

        if self._live is not None:
            self._live.update(Group(self._table, *below))


class Lines(Silent):
    """No bars, only remarks: for logs."""

    def say(self, message: str) -> None:
        """Print one line on standard error."""
        say(spelled(message, spelling()), err=True)

    @contextmanager
    def following(self) -> Iterator[Callable[[Comparison, str], None]]:
        """Yield what shows a comparison that goes on in one line."""
        yield lambda comparison, then: self.say(f"{best_of(comparison)} {then}".strip())


class Nothing(Silent):
    """Shows nothing."""

    @contextmanager
    def following(self) -> Iterator[Callable[[Comparison, str], None]]:
        """Yield what shows nothing."""
        yield lambda comparison, then: None


def make_display(quiet: bool) -> Terminal | Lines | Nothing:
    """Return bars on a terminal, lines elsewhere, nothing with `quiet`."""
    if quiet:
        return Nothing()
    return Terminal() if sys.stderr.isatty() else Lines()
