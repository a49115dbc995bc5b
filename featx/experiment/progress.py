"""What long work tells a display. The display itself is the caller's; without one the work is silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class ProgressBar(Protocol):
    """One bar."""

    def update(self, done: int, total: int | None = None, detail: str = "") -> None:
        """Set how much is done, of how much, and a short remark."""


class Display(Protocol):
    """Something that shows bars and remarks."""

    def task(self, description: str, total: int | None) -> AbstractContextManager[ProgressBar]:
        """Show a bar that is there while the context is."""

    def say(self, message: str) -> None:
        """Show one line."""


class _NoTask:
    def update(self, done: int, total: int | None = None, detail: str = "") -> None:
        pass


class SaidOnce:
    """A display that says nothing twice: for work that is done alike on several parts of the data."""

    def __init__(self, display: Display) -> None:
        self.task = display.task
        self._display = display
        self._said: set[str] = set()

    def say(self, message: str) -> None:
        """Say a message that was not said yet."""
        if message not in self._said:
            self._said.add(message)
            self._display.say(message)


class Silent:
    """A display that shows nothing."""

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[ProgressBar]:
        """Show no bar."""
        yield _NoTask()

    def say(self, message: str) -> None:
        """Show nothing."""
