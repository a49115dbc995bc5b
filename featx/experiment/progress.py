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


class Silent:
    """A display that shows nothing."""

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[ProgressBar]:
        """Show no bar."""
        yield _NoTask()

    def say(self, message: str) -> None:
        """Show nothing."""
