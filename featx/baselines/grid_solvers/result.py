"""`GridResult`: what a walk finds at one grid point."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class GridResult:
    """One grid point.

    Attributes
    ----------
    params : dict
        Parameters of the last step, without its name.
    y_pred : ndarray of shape (n_held,), int64, or None
        Predictions for the held-out inputs; None when it failed.
    n_iter, max_iter : int or None
        None for what does not iterate.
    error : str
        Why it failed; empty when it did not.
    seconds : float
        Since the point before, or the start of the walk.
    """

    params: dict[str, Any]
    y_pred: Labels | None
    n_iter: int | None = None
    max_iter: int | None = None
    error: str = ""
    seconds: float = 0.0


def timed(points: Iterable[GridResult]) -> Iterator[GridResult]:
    """Points with the seconds that each took."""
    started = time.perf_counter()
    for point in points:
        now = time.perf_counter()
        yield replace(point, seconds=now - started)
        started = now


def iterations(classifier: Any) -> tuple[int | None, int | None]:
    """Iterations that a fitted classifier's optimiser took, and its limit; None where it has none.

    Trees and libsvm have no limit that they could stop at too early.
    """
    if not hasattr(classifier, "n_iter_") or getattr(classifier, "max_iter", -1) in (None, -1):
        return None, None
    if hasattr(classifier, "n_trees_per_iteration_") or np.max(classifier.n_iter_) is None:
        return None, None
    return int(np.max(classifier.n_iter_)), int(classifier.max_iter)
