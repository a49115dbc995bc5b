"""Folds by default: where texts are few and no test split was given, every text is tested once."""

from __future__ import annotations

from featx.errors import DataError
from featx.experiment.comparing.spending import FOLDS
from featx.experiment.context import Context

#: Below so many texts a test split of a part of them seldom decides anything.
_FEW_TEXTS = 1_500


def with_folds(context: Context) -> Context:
    """Return a context whose data are cut by folds where texts are few; `context` itself where `cut` gives None."""
    n_texts = sum(len(split) for split in context.dataset.splits.values())
    made = cut(context) if n_texts < _FEW_TEXTS else None
    if made is None:
        return context
    context.display.say(f"{n_texts:,} texts without a test split of their own: {FOLDS} folds, so that each is tested")
    return made


def cut(context: Context) -> Context | None:
    """Return a context whose data are cut by folds.

    None where they are, where the data bring a test split, which others may have measured on, and where a class has
    too few texts.
    """
    dataset = context.dataset
    if dataset.folds is not None or not context.cuts_test:
        return None
    try:
        made = context.cut_by_folds(FOLDS)
    except DataError as e:
        context.say_once(f"no folds, so that fewer texts are tested: {e}")
        return None
    folds = made.dataset.folds
    is_whole = folds is not None and len(folds.whole) == sum(len(split) for split in dataset.splits.values())
    return made if is_whole else None
