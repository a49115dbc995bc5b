"""SIGTERM ends a command with 143 and SIGINT with 130, from its first moment on: before anything heavy is imported.

Imports nothing but the standard library and ``featx.errors``.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from featx.errors import StoppedError

#: Seconds after which a signal is acted on again: Python drops an exception that is raised while an object is
#: collected.
_AGAIN = 3.0
_MESSAGE = "terminated; what was finished is kept, and the same command goes on from there"


def listen() -> None:
    """Let SIGTERM raise `StoppedError`, which no ``except Exception`` swallows; a signal that is ignored stays so."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        return
    process = os.getpid()

    def stop(signum: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a child that was forked ends as if it had never heard of this
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        _ring_in(_AGAIN)
        raise StoppedError(_MESSAGE, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, stop)


def leave(code: int) -> None:
    """Let a signal that comes while Python shuts down end the process at once, with the code that says so."""
    _ring_in(0.0)
    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(signum) not in (signal.SIG_IGN, signal.SIG_DFL, None):
                signal.signal(signum, _end_now)


def _end_now(signum: int, frame: FrameType | None) -> None:
    os._exit(128 + signum)


def _ring_in(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
