"""`Fleet`: the workers of a Ray cluster, and the windows that are with them.

Ray only schedules. Its own restarts are off, since a worker that waits for room would keep its windows from the others:
when a worker is lost, its windows are handed out again, and another worker is asked for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from featx.errors import ExtractionError, FeatxError
from featx.features.ray_worker import WindowCounts

#: Windows that wait at a worker while it encodes one.
_AHEAD = 1
#: A window that so many workers were lost with is the cause.
_LOSSES = 4
#: Starts that may fail while no worker is at work.
_FAILED_STARTS = 8
#: Seconds without any worker after which the cluster is given up.
_PATIENCE_SECONDS = 600.0


@dataclass
class _Task:
    """A window and how many workers were lost with it."""

    texts: list[str]
    losses: int = 0


class Fleet:
    """Workers by state: starting, or at work on so many windows.

    Parameters
    ----------
    ray : module
    make : callable
        Asks Ray for one more worker.

    Attributes
    ----------
    device : str
        What workers compute on; ``none`` before one is ready.
    ready_at : float
        When the first one was ready, by `time.perf_counter`; 0 before.
    """

    def __init__(self, ray: Any, make: Callable[[], Any]) -> None:
        self._ray, self._make = ray, make
        self.device, self.ready_at = "none", 0.0
        self._starting: dict[Any, Any] = {}
        self._load: dict[Any, int] = {}
        self._under_way: dict[Any, tuple[Any, _Task]] = {}
        self._again: deque[_Task] = deque()
        self._failed_starts = 0

    def start(self) -> None:
        """Ask for one more worker; it gets windows once it is ready."""
        worker = self._make()
        self._starting[worker.prepare.remote()] = worker

    def encode(self, windows: Iterator[list[str]]) -> Iterator[WindowCounts]:
        """Hand out `windows` as workers become free, and yield the counts of each that is done.

        Raises
        ------
        ExtractionError
            If several workers are lost with the same window, or none can be started.
        FeatxError
            What a worker raised.
        """
        tasks = map(_Task, windows)
        seen = time.monotonic()
        while True:
            exhausted = self._hand_out(tasks)
            if exhausted and not self._under_way and not self._again:
                return
            done, _ = self._ray.wait([*self._under_way, *self._starting], num_returns=1, timeout=5.0)
            for reference in done:
                counts = self._take(reference)
                if counts is not None:
                    yield counts
            if self._load or done:
                seen = time.monotonic()
            elif time.monotonic() - seen > _PATIENCE_SECONDS:
                raise ExtractionError(
                    f"for {_PATIENCE_SECONDS:.0f} seconds no node of the Ray cluster had room for a worker; what was "
                    "committed is kept: the same command goes on from there"
                )

    def _hand_out(self, tasks: Iterator[_Task]) -> bool:
        """Give each worker windows until one waits at it; whether there are no more."""
        while self._load:
            worker = min(self._load, key=self._load.__getitem__)
            if self._load[worker] > _AHEAD:
                return False
            task = self._again.popleft() if self._again else next(tasks, None)
            if task is None:
                return True
            self._load[worker] += 1
            self._under_way[worker.encode.remote(task.texts)] = (worker, task)
        return False

    def _take(self, reference: Any) -> WindowCounts | None:
        """Take what has come back: a worker that is ready, a window's counts, or the news of a loss."""
        try:
            result = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as e:
            raise _cause(e) from e
        except self._ray.exceptions.RayError as e:
            self._lost(reference, e)
            return None
        if reference in self._starting:
            self.device, self.ready_at = str(result), self.ready_at or time.perf_counter()
            self._load[self._starting.pop(reference)] = self._failed_starts = 0
        elif reference in self._under_way:
            worker, _ = self._under_way.pop(reference)
            self._load[worker] -= 1
            counts: WindowCounts = result
            return counts
        return None

    def _lost(self, reference: Any, error: Exception) -> None:
        if reference in self._starting:
            self._failed_starts += 1
            if self._failed_starts > _FAILED_STARTS and not self._load:
                raise ExtractionError(
                    f"workers cannot be started on the Ray cluster ({first_line(error)}); is featx installed, in this "
                    "version, on every node?"
                ) from error
            del self._starting[reference]
            self.start()
        elif reference in self._under_way:
            worker, task = self._under_way[reference]
            task.losses += 1
            if task.losses >= _LOSSES:
                raise ExtractionError(
                    f"{task.losses} workers were lost with the same window of {len(task.texts)} texts, the first "
                    f"{task.texts[0][:60]!r}: give workers more memory, or lower `batch_tokens` or `max_length`"
                ) from error
            self._replace(worker)

    def _replace(self, worker: Any) -> None:
        """Hand out the windows of a worker that is gone again, and ask for another."""
        if self._load.pop(worker, None) is None:
            return
        for reference, (owner, task) in list(self._under_way.items()):
            if owner is worker:
                del self._under_way[reference]
                self._again.append(task)
        self.start()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its class where there is none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _cause(error: Any) -> FeatxError:
    """Return what a worker raised, as itself where it is featx's own."""
    cause = error.cause
    if isinstance(cause, FeatxError):
        return cause
    return ExtractionError(f"a worker failed: {type(cause).__name__}: {' '.join(str(cause).split())[:300]}")
