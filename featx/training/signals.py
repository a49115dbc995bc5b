"""SIGINT and SIGTERM wait for the end of a training step, so that a checkpoint can be written.

May import ``errors``.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from featx.errors import StoppedError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: A second signal within this time is taken for an echo: a terminal and a launcher both pass one on. In seconds.
_ECHO = 2.0


class Interrupts:
    """Signals that came while a training step ran.

    Attributes
    ----------
    received : int or None
        The first signal that came. It is kept when it is acted upon at once as well: should a library swallow what the
        handler raises, the training ends after its next step.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._deferring = False
        self._when = 0.0

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Hold signals back while the context lasts; whoever opens it looks at `received` from time to time."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False

    def handle(self, signum: int, frame: Any) -> None:
        """Remember a signal, or act at once: outside of `deferred`, or when the user insists."""
        is_first = self.received is None
        if is_first:
            self.received, self._when = signum, time.monotonic()
        if self._deferring and (is_first or time.monotonic() - self._when < _ECHO):
            return
        if signum == signal.SIGINT:
            raise KeyboardInterrupt
        raise StoppedError("terminated; what was finished is kept, and the same command goes on from there", signum)


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Yield an `Interrupts` that is wired to the process's signals while the context lasts.

    A signal that the parent told us to ignore stays ignored, and nothing is wired outside of the main thread, where
    Python does not allow it.
    """
    held = Interrupts()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for signum in _SIGNALS:
            if signal.getsignal(signum) not in (signal.SIG_IGN, None):
                before[signum] = signal.signal(signum, held.handle)
    try:
        yield held
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
