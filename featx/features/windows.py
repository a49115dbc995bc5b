"""`WindowPlanner`: texts of any number become windows of texts that the store lacks, each text once.

The one planner of all engines: it reads texts as windows are asked for, and never holds more than a window of them.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featx.data import text_digests
from featx.features.sources import strings
from featx.features.store import FeatureStore
from featx.features.store.index import DigestIndex
from featx.features.store.place import Digests


@dataclass(frozen=True)
class Window:
    """Texts to encode together, and their digests."""

    texts: list[str]
    digests: Digests


class WindowPlanner:
    """Reads texts, and plans windows of those that are lacking.

    Parameters
    ----------
    stores : sequence of FeatureStore
        A text is lacking when one of them lacks it.
    size : int
        Texts of a window; may be set anew while windows are taken.
    remember : int or None
        Windows that were taken but may not be in `stores` yet; None for all, where others write them.

    Attributes
    ----------
    n_texts : int
        Texts that were read.
    """

    def __init__(self, stores: Sequence[FeatureStore], size: int, remember: int | None) -> None:
        self.size = size
        self.n_texts = 0
        self._stores = stores
        self._digests: list[Digests] = []
        self._remember = remember
        self._taken: deque[DigestIndex] = deque(maxlen=remember or 1)

    @property
    def digests(self) -> Digests:
        """Digests of all texts that were read, in their order, shape (n_texts, 2), uint64."""
        return np.concatenate(self._digests) if self._digests else np.empty((0, 2), np.uint64)

    def windows(self, texts: Iterable[str]) -> Iterator[Window]:
        """Yield windows of `size` texts, the last one smaller.

        Raises
        ------
        ExtractionError
            If something is no text.
        """
        waiting: dict[bytes, str] = {}
        source = strings(texts)
        while chunk := list(itertools.islice(source, self.size)):
            digests = text_digests(chunk)
            self._digests.append(digests)
            self.n_texts += len(chunk)
            for row in np.flatnonzero(self._lacking(digests)).tolist():
                waiting.setdefault(digests[row].tobytes(), chunk[row])
            while len(waiting) >= self.size:
                yield self._take(waiting)
        if waiting:
            yield self._take(waiting)

    def _lacking(self, digests: Digests) -> NDArray[np.bool_]:
        missing = lacking(self._stores, digests)
        for taken in tuple(self._taken):
            missing &= taken.find(digests) < 0
        return missing

    def _take(self, waiting: dict[bytes, str]) -> Window:
        keys = list(itertools.islice(waiting, self.size))
        window = Window([waiting.pop(key) for key in keys], np.frombuffer(b"".join(keys), np.uint64).reshape(-1, 2))
        if self._remember is not None or not self._taken:
            self._taken.append(DigestIndex())
        self._taken[-1].add(window.digests)
        return window


def lacking(stores: Sequence[FeatureStore], digests: Digests) -> NDArray[np.bool_]:
    """Return which of the texts at least one of `stores` lacks, shape (n_texts,), bool."""
    missing = np.zeros(len(digests), np.bool_)
    for store in stores:
        missing |= store.find(digests) < 0
    return missing
