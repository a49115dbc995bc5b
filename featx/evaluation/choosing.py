"""What a choice among models of like quality rests on: how sure a score is, and a finer measure where it is not.

Uses numpy, and scipy for a minimum in one dimension.
"""

from __future__ import annotations

import numpy as np

from featx.evaluation.confusion import confusion_matrix
from featx.evaluation.predictions import Predictions

#: Temperatures that are looked at, as natural logarithms.
_LOG_TEMPERATURES = (-4.0, 4.0)


def f1_macro_standard_error(predictions: Predictions) -> float:
    """Standard error of macro-F1 over draws of the texts, by the delta method.

    Each text's influence on the score is known in closed form, and the standard error is the root mean square of
    these, over the root of the number of texts (Takahashi et al., Applied Intelligence 52, 2022, derive the same
    variance). Classes that occur in neither truth nor prediction do not count, as in the score itself.
    """
    matrix = confusion_matrix(predictions).astype(np.float64)
    n, shares = matrix.sum(), matrix.sum(axis=0) + matrix.sum(axis=1)
    occurring = shares > 0
    matrix, shares = matrix[np.ix_(occurring, occurring)] / n, shares[occurring] / n
    f1 = 2 * np.diagonal(matrix) / shares
    apart = f1 / shares
    influence = (2 * np.diag(1 / shares) - apart[:, np.newaxis] - apart) / len(shares)
    return float(np.sqrt((matrix * influence**2).sum() / n))


def temperature_scaled_log_loss(predictions: Predictions) -> float:
    """Mean log loss, in nats, at the temperature where it is lowest on these very texts (Guo et al., ICML 2017).

    Other than the plain log loss it does not hold overconfidence against a model, which grows with training and
    moves no label.

    Raises
    ------
    ValueError
        If there are no scores.
    """
    from scipy.optimize import minimize_scalar

    if predictions.y_score is None:
        raise ValueError("predictions without scores have no log loss; expected probabilities")
    y_score = np.maximum(predictions.y_score, np.finfo(np.float32).tiny)
    rows = np.arange(len(y_score))
    margins = np.log(y_score) - np.log(y_score[rows, predictions.y_true])[:, np.newaxis]

    def loss(log_temperature: float) -> float:
        scaled = margins * np.exp(-log_temperature)
        highest = scaled.max(axis=1)
        return float((highest + np.log(np.exp(scaled - highest[:, np.newaxis]).sum(axis=1))).mean())

    return float(minimize_scalar(loss, bounds=_LOG_TEMPERATURES, method="bounded", options={"xatol": 1e-4}).fun)
