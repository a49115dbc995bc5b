"""Stratified cuts: splits that a source does not bring."""

from __future__ import annotations

import numpy as np

from featx.config import DataSettings
from featx.data.dataset import Split
from featx.errors import DataError


def cut(split: Split, fraction: float, seed: int, source: str) -> tuple[Split, Split]:
    """`split` in two, the second with about `fraction` of the texts, each class in proportion and none left out.

    Rows keep their order. The same texts, labels, fraction and seed give the same cut.

    Raises
    ------
    DataError
        If a class has fewer than two texts, or too few texts would be left.
    """
    from sklearn.model_selection import train_test_split

    counts = split.class_counts
    n_classes = int(np.count_nonzero(counts))
    n_cut = max(round(fraction * len(split)), n_classes)
    if counts[counts > 0].min() < 2:
        rare = split.label_names[int(np.argmin(np.where(counts > 0, counts, len(split) + 1)))]
        raise DataError(
            f"{source}: class {rare!r} has 1 text, too few to cut a split from; add texts or give the splits as files"
        )
    if len(split) - n_cut < n_classes:
        raise DataError(
            f"{source}: {len(split)} texts are too few to cut {n_cut} and leave one of each class; "
            "add texts or give the splits as files"
        )
    kept, taken = train_test_split(np.arange(len(split)), test_size=n_cut, random_state=seed, stratify=split.labels)
    return _rows(split, np.sort(kept)), _rows(split, np.sort(taken))


def three_way(whole: Split, settings: DataSettings, source: str) -> dict[str, Split]:
    """One split as train, validation and test, by the fractions of `settings`."""
    rest, test = cut(whole, settings.test_fraction, settings.split_seed, source)
    share = settings.validation_fraction / (1 - settings.test_fraction)
    train, validation = cut(rest, share, settings.split_seed, source)
    return {"train": train, "validation": validation, "test": test}


def _rows(split: Split, rows: np.ndarray) -> Split:
    texts = [split.texts[row] for row in rows.tolist()]
    return Split(texts, split.labels[rows], split.label_names)
