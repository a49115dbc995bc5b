"""How much two methods may differ by texts that the test set is too small to show.

Equivalence says that something is *not* there. Resamples cannot show what was not seen: where two methods differ on
none of ten test texts of a rare class, they differ on none in any resample, and still may differ on a quarter of all
texts of that class. So disagreements are sorted by how much each can move the metric, and where there are too few of a
sort for resamples, what they may amount to is bounded.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from featx.evaluation.confusion import confusion_matrix
from featx.evaluation.predictions import Predictions

#: With so many disagreements of one sort their resamples are trusted.
ENOUGH = 20

Floats = NDArray[np.float64]


def change_bound(a: Sequence[Predictions], b: Sequence[Predictions], metric: str, confidence: float) -> float:
    """Return an upper limit of what disagreements may change in a metric, of which too few were seen for resamples.

    Those are the disagreements that would move the metric by more than twice as much as the twentieth heaviest that was
    seen: in a macro average those that touch rare classes; all of them where fewer than 20 were seen. 0 where there
    are none such; infinite for a metric without a bound (probability scores) with fewer than 20 disagreements. Of
    several seeds the pair with the largest bound counts.

    Notes
    -----
    A disagreement is a text that gets the label i from one method and j from the other. Moving one text of n from j to
    i changes at most, for each class k of the two, with n_k true texts and recall r among K classes,

    - recall of the text's own class by 1 / n_k, its macro mean by 1 / (K n_k);
    - F1 of class k, where k is the text's own, by 2 / (n_k (1 + r)^2), else by 1 / (2 n_k): the largest slopes of
      2 h / (t + p) in hits h and predicted texts p >= h; macro F1 by 1 / K of it, weighted F1 by n_k / n of it;
    - accuracy by 1 / n; Matthews' correlation by (2 / sqrt(S_t S_p) + 1 / S_p) / n, with S = 1 less the sum of squared
      shares of true or predicted labels.

    What the disagreements move is a sum of independent terms between 0 and the largest weight w; with s seen, a mean m
    is refused where exp(-(m - s + s log(s / m)) / w) is below (1 - confidence) / 2 (Chernoff's bound, exact where none
    was seen: then m is 3.7 w at 95 %). For r stands its lower exact limit.
    """
    return max(_bound(x, y, metric, confidence) for x, y in itertools.product(a, b))


def _bound(a: Predictions, b: Predictions, metric: str, confidence: float) -> float:
    differing = np.flatnonzero(a.y_pred != b.y_pred)
    weights = _weights(a, b, metric, confidence)
    if weights is None:
        return 0.0 if len(differing) >= ENOUGH else float("inf")
    own, foreign = weights
    y_true = a.y_true[differing]
    seen = np.zeros(len(differing))
    for label in (a.y_pred[differing], b.y_pred[differing]):
        seen += np.where(label == y_true, own[label], foreign[label])
    seen = np.sort(seen)
    trusted = 2 * seen[-ENOUGH] if len(seen) >= ENOUGH else 0.0
    heaviest = float(own.max() + foreign.max())
    if heaviest <= trusted:
        return 0.0
    return _chernoff(float(seen[seen > trusted].sum()), heaviest, confidence)


def _chernoff(seen: float, weight: float, confidence: float) -> float:
    """Return the largest mean that a sum of independent terms between 0 and `weight` may have."""
    from scipy.optimize import brentq

    if not np.isfinite(weight):
        return float("inf")
    refused = np.log(2 / (1 - confidence))
    s = seen / weight
    if s == 0:
        return float(weight * refused)

    def excess(m: float) -> float:
        return float(m - s + s * np.log(s / m) - refused)

    return float(weight * brentq(excess, s, s + 2 * refused + 3 * np.sqrt(s * refused)))


def _weights(a: Predictions, b: Predictions, metric: str, confidence: float) -> tuple[Floats, Floats] | None:
    """Return what a text moves at most by its label being class k, where k is its own and where not."""
    n, n_classes = len(a), len(a.label_names)
    matrices = [confusion_matrix(made).astype(np.float64) for made in (a, b)]
    true, predicted = matrices[0].sum(axis=1), [matrix.sum(axis=0) for matrix in matrices]
    if metric == "accuracy":
        return np.full(n_classes, 1 / n), np.zeros(n_classes)
    if metric == "mcc":
        weight = _mcc_weight(true, predicted, int(np.count_nonzero(a.y_pred != b.y_pred)), confidence)
        return np.full(n_classes, weight / 2), np.full(n_classes, weight / 2)
    n_occurring = np.count_nonzero(true + predicted[0] + predicted[1])
    # A class that is nobody's truth but somebody's prediction moves a macro mean by as much as a class weighs.
    share = np.where(true > 0, 1 / np.maximum(true, 1), 2.0 * (predicted[0] + predicted[1] > 0)) / n_occurring
    if metric == "recall_macro":
        return share, np.where(true > 0, 0.0, share / 2)
    if metric == "f1_weighted":
        share = np.where(true > 0, 1 / n, 0.0)
    elif metric != "f1_macro":
        return None
    recall = np.min([_lowest_share(np.diagonal(matrix), true, confidence) for matrix in matrices], axis=0)
    return 2 * share / (1 + recall) ** 2, share / 2


def _lowest_share(count: Floats, n: Floats, confidence: float) -> Floats:
    """Return the lower exact limit of ``count / n``; 0 where n is 0."""
    from scipy.special import betaincinv

    return np.where(count > 0, betaincinv(np.maximum(count, 1), n - count + 1, (1 - confidence) / 2), 0.0)


def _mcc_weight(true: Floats, predicted: Sequence[Floats], n_differing: int, confidence: float) -> float:
    n = float(true.sum())
    spread_true = 1 - float(((true / n) ** 2).sum())
    moved = 1 - float(_lowest_share(np.array([n - n_differing]), np.array([n]), confidence)[0])
    spread = min(1 - float(((labels / n) ** 2).sum()) for labels in predicted) - 2 * moved
    if spread_true <= 0 or spread <= 0:
        return float("inf")
    return (2 / float(np.sqrt(spread_true * spread)) + 1 / spread) / n
