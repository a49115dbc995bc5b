"""`DigestIndex`: from the digest of a text to the row that holds it.

Sorted runs of (first half, second half, row), 20 bytes a text. New rows make a run of their own; runs of like size are
merged, so that adding costs O(log n) a row and a look-up searches O(log n) runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Rows are 32-bit: 4.3 billion texts a store.
_ROW = np.uint32
_LIMIT = 2**32 - 1


@dataclass(frozen=True)
class _Run:
    """Digests sorted by their first half (ties by the second), and the row of each."""

    first: NDArray[np.uint64]
    second: NDArray[np.uint64]
    rows: NDArray[np.uint32]


class DigestIndex:
    """Look-up of 128-bit digests; of equal ones the earlier added wins.

    One thread may look up while another adds: the tuple of runs is replaced as a whole.
    """

    def __init__(self) -> None:
        self._runs: tuple[_Run, ...] = ()
        self._n_rows = 0

    def __len__(self) -> int:
        return self._n_rows

    def add(self, digests: NDArray[np.uint64]) -> None:
        """Give the rows of `digests`, shape (n, 2), the next n row numbers."""
        n = len(digests)
        if not n:
            return
        if self._n_rows + n > _LIMIT:
            raise OverflowError(f"a store holds at most {_LIMIT} rows")
        rows = np.arange(self._n_rows, self._n_rows + n, dtype=_ROW)
        self._n_rows += n
        run = _sorted_run(digests[:, 0], digests[:, 1], rows)
        runs = list(self._runs)
        while runs and len(runs[-1].rows) <= 2 * len(run.rows):
            run = _merged(runs.pop(), run)
        self._runs = (*runs, run)

    def find(self, digests: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Row of each digest, shape (n,), int64; -1 where there is none."""
        found = np.full(len(digests), -1, np.int64)
        for run in reversed(self._runs):  # the oldest run last, so that the earliest row wins
            at = _position(run, digests)
            hit = at >= 0
            found[hit] = run.rows[at[hit]]
        return found


def _sorted_run(first: NDArray[np.uint64], second: NDArray[np.uint64], rows: NDArray[np.uint32]) -> _Run:
    order = np.argsort(first, kind="stable")
    first, second, rows = first[order], second[order], rows[order]
    if np.any(first[1:] == first[:-1]):
        # Equal first halves are nearly always equal digests: sort them whole and keep the earliest row of each.
        order = np.lexsort((rows, second, first))
        first, second, rows = first[order], second[order], rows[order]
        new = np.concatenate([[True], (first[1:] != first[:-1]) | (second[1:] != second[:-1])])
        first, second, rows = first[new], second[new], rows[new]
    return _Run(first, second, rows)


def _merged(older: _Run, newer: _Run) -> _Run:
    return _sorted_run(
        np.concatenate([older.first, newer.first]),
        np.concatenate([older.second, newer.second]),
        np.concatenate([older.rows, newer.rows]),
    )


def _position(run: _Run, digests: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Position of each digest in `run`, -1 where there is none."""
    at = np.searchsorted(run.first, digests[:, 0])
    clipped = np.minimum(at, len(run.first) - 1)
    equal_first = run.first[clipped] == digests[:, 0]
    hit = equal_first & (run.second[clipped] == digests[:, 1])
    position = np.where(hit, clipped, -1)
    for i in np.flatnonzero(equal_first & ~hit):  # two digests that share their first half: about never
        j = int(at[i])
        while j < len(run.first) and run.first[j] == digests[i, 0]:
            if run.second[j] == digests[i, 1]:
                position[i] = j
            j += 1
    return position
