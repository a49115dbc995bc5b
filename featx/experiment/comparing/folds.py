"""Folds by default: where texts are few and no test split was given, every text is tested once."""

from __future__ import annotations

from contextlib import suppress

from featx.errors import DataError
from featx.experiment.context import Context

#: Below so many texts a test split of a part of them seldom decides anything.
_FEW_TEXTS = 1_500
_FOLDS = 5


def with_folds(context: Context) -> Context:
    """Return a context whose data are cut by folds, where that was not asked for and serves; else `context` itself.

    Not where the data bring a test split, which others may have measured on; not where a class has too few texts.
    """
    dataset = context.dataset
    n_texts = sum(len(split) for split in dataset.splits.values())
    if dataset.folds is not None or n_texts >= _FEW_TEXTS:
        return context
    with suppress(DataError):
        cut = context.cut_by_folds(_FOLDS)
        folds = cut.dataset.folds
        if folds is not None and len(folds.whole) == n_texts:  # else it has a test split that is left alone
            context.display.say(
                f"{n_texts:,} texts without a test split of their own: {_FOLDS} folds, so that every text is tested"
            )
            return cut
    return context
