"""`ahead`: an iterator that works one item ahead, in a thread of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class _Failure:
    error: BaseException


class _End:
    pass


class Ahead(Generic[T]):
    """Items of a source, each made while the one before is worked on.

    Attributes
    ----------
    waited_seconds : float
        How long the consumer waited for items after the first: what the thread is too slow for.
    """

    def __init__(self, source: Iterable[T]) -> None:
        self._source = source
        self._queue: queue.Queue[T | _Failure | _End] = queue.Queue(maxsize=1)
        self._stopped = threading.Event()
        self.waited_seconds = 0.0
        self._is_under_way = False
        self.thread = threading.Thread(target=self._produce, name="featx-ahead", daemon=True)

    def _produce(self) -> None:
        try:
            for item in self._source:
                self._hand_over(item)
                if self._stopped.is_set():
                    return
            self._hand_over(_End())
        except BaseException as error:  # handed to the consumer, which raises it
            self._hand_over(_Failure(error))

    def _hand_over(self, item: T | _Failure | _End) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return

    def __iter__(self) -> Ahead[T]:
        return self

    def __next__(self) -> T:
        started = time.perf_counter()
        item = self._queue.get()
        self.waited_seconds += time.perf_counter() - started if self._is_under_way else 0.0
        self._is_under_way = True
        if isinstance(item, _End):
            raise StopIteration
        if isinstance(item, _Failure):
            raise item.error
        return item

    def stop(self) -> None:
        """End the thread before its next item."""
        self._stopped.set()
        self.thread.join()


@contextmanager
def ahead(source: Iterable[T]) -> Iterator[Ahead[T]]:
    """Iterate over `source` with its next item made in a thread while this one is worked on.

    At most one item waits, so that memory stays bounded. What `source` raises is raised in the consumer; when the
    consumer leaves early, the thread stops before its next item.
    """
    worker = Ahead(source)
    worker.thread.start()
    try:
        yield worker
    finally:
        worker.stop()
