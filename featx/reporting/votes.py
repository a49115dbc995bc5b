"""What a method says of each test text, its seeds taken together; and where two methods differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featx.evaluation import Predictions


@dataclass(frozen=True)
class Votes:
    """The label that most seeds of a method give each text.

    Attributes
    ----------
    y_true, y_pred : ndarray of shape (n_texts,), int64
        A tie of the seeds goes to the label with the higher mean score.
    confidence : ndarray of shape (n_texts,), float64, or None
        Mean score of that label over the seeds; None for a method without scores.
    agreeing : ndarray of shape (n_texts,), int64
        Seeds that gave it.
    n_seeds : int
    """

    y_true: NDArray[np.int64]
    y_pred: NDArray[np.int64]
    confidence: NDArray[np.float64] | None
    agreeing: NDArray[np.int64]
    n_seeds: int

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the label is the true one, shape (n_texts,)."""
        return np.equal(self.y_pred, self.y_true)


def vote(predictions: Sequence[Predictions]) -> Votes:
    """Return the votes of the seeds of one method on the same texts.

    Parameters
    ----------
    predictions : sequence of Predictions, one or more
    """
    first = predictions[0]
    rows = np.arange(len(first))
    counts = np.zeros((len(first), len(first.label_names)))
    for made in predictions:
        counts[rows, made.y_pred] += 1
    scores = [made.y_score for made in predictions if made.y_score is not None]
    mean = np.mean(scores, axis=0) if len(scores) == len(predictions) else None
    # A mean score is at most 1, so half of it never outweighs a vote.
    y_pred = (counts if mean is None else counts + mean / 2).argmax(axis=1).astype(np.int64)
    return Votes(
        y_true=first.y_true,
        y_pred=y_pred,
        confidence=None if mean is None else mean[rows, y_pred],
        agreeing=counts[rows, y_pred].astype(np.int64),
        n_seeds=len(predictions),
    )


def flips(right: Votes, wrong: Votes) -> NDArray[np.int64]:
    """Return the rows that `right` gets right and `wrong` gets wrong, where both are most confident first."""
    rows = np.flatnonzero(right.right & ~wrong.right)
    confidence = np.zeros(len(rows))
    for votes in (right, wrong):
        if votes.confidence is not None:
            confidence += votes.confidence[rows]
    return rows[np.argsort(-confidence, kind="stable")]


def confused_pairs(matrix: NDArray[np.int64], most: int) -> list[tuple[int, int, int, float]]:
    """Return the true label, predicted label, texts, and their share of the true class; the most texts first.

    Examples
    --------
    >>> confused_pairs(np.array([[8, 2], [5, 5]]), 1)
    [(1, 0, 5, 0.5)]
    """
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    n_classes = len(matrix)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    sums = matrix.sum(axis=1)
    pairs = [(int(at) // n_classes, int(at) % n_classes) for at in order]
    return [(t, p, int(wrong[t, p]), float(wrong[t, p] / sums[t])) for t, p in pairs if wrong[t, p] > 0]
