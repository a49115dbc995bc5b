"""`Predictions`: what every method returns for a split, and all that a metric needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Predictions:
    """Labels that a method gave to the texts of a split.

    Attributes
    ----------
    y_true, y_pred : ndarray of shape (n_texts,), int64
        Positions in `label_names`.
    y_score : ndarray of shape (n_texts, n_classes), float64, or None
        Probabilities, rows summing to 1; None when the method has none (they are never made up).
    label_names : tuple of str, length n_classes

    Raises
    ------
    ValueError
        If shapes disagree, a label is out of range, or a score is no probability.
    """

    y_true: NDArray[np.int64]
    y_pred: NDArray[np.int64]
    y_score: NDArray[np.float64] | None
    label_names: tuple[str, ...]

    def __post_init__(self) -> None:
        n_classes = len(self.label_names)
        if self.y_true.shape != self.y_pred.shape or self.y_true.ndim != 1:
            raise ValueError(f"y_true {self.y_true.shape} and y_pred {self.y_pred.shape} must be one shape (n_texts,)")
        for name, labels in (("y_true", self.y_true), ("y_pred", self.y_pred)):
            if len(labels) and not 0 <= labels.min() <= labels.max() < n_classes:
                raise ValueError(f"{name} spans {labels.min()} to {labels.max()}, expected 0 to {n_classes - 1}")
        if self.y_score is None:
            return
        if self.y_score.shape != (len(self.y_true), n_classes):
            raise ValueError(f"y_score has shape {self.y_score.shape}, expected {(len(self.y_true), n_classes)}")
        outside = self.y_score.min(initial=0) < -1e-6 or self.y_score.max(initial=0) > 1 + 1e-6
        off = np.abs(self.y_score.sum(axis=1) - 1).max(initial=0) > 1e-4
        if not np.isfinite(self.y_score).all() or outside or off:
            raise ValueError("y_score must hold finite probabilities, each row summing to 1")

    def __len__(self) -> int:
        return len(self.y_true)
