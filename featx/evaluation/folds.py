"""How much wider intervals are when predictions come from folds: training texts vary as test texts do."""

from __future__ import annotations

import math

#: Share of Nadeau and Bengio's correction that is taken; found by simulation, see ``docs/statistics.md``.
_SHARE = 1 / 3


def spread_over_folds(n_folds: int | None) -> float:
    """Return how many times as far resamples of out-of-fold predictions are spread as the texts alone make them.

    Resampling the texts of out-of-fold predictions takes the trained models as given. What a procedure scores varies
    with the training texts as well, which the folds share, so that no unbiased estimate of it can be had from one
    cross-validation (Bengio and Grandvalet, JMLR 5, 2004). Nadeau and Bengio (Machine Learning 52, 2003) add
    n_test / n_train to 1 / n_folds in the variance of a mean over folds: a factor of 1 + k / (k - 1), which is
    over twice the variance and far too wide for a full cross-validation. A third of that addition covers as promised.

    Parameters
    ----------
    n_folds : int or None
        None where the predictions are those of one model on a test split: 1.0.

    Examples
    --------
    >>> round(spread_over_folds(10), 3), spread_over_folds(None)
    (1.171, 1.0)
    """
    return 1.0 if n_folds is None else math.sqrt(1 + _SHARE * n_folds / (n_folds - 1))
