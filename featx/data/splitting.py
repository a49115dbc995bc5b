"""Stratified cuts: splits that a source does not bring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from featx.data.dataset import Split
from featx.errors import DataError
from featx.settings import DataSettings


def cut(split: Split, fraction: float, seed: int, source: str) -> tuple[Split, Split]:
    """Cut `split` in two, the second with about `fraction` of the texts, each class in proportion and none left out.

    Rows keep their order. The same texts, labels, fraction and seed give the same cut.

    Raises
    ------
    DataError
        If a class has fewer than two texts.
    """
    for label in np.flatnonzero(split.class_counts == 1).tolist():
        raise DataError(
            f"{source}: class {split.label_names[label][:80]!r} has 1 text left, too few to cut a split from; add "
            "texts (three of each class at least), give the splits as files, or set `drop_rare` to leave it out"
        )
    second = drawn_of_each_class(split.labels, fraction, np.random.default_rng(seed))
    return split.rows(np.setdiff1d(np.arange(len(split)), second)), split.rows(second)


def drawn_of_each_class(labels: NDArray[np.int64], fraction: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the positions, ascending, of about `fraction` of each class: one at least, and never all."""
    taken = []
    for label, count in enumerate(np.bincount(labels).tolist()):
        rows = rng.permutation(np.flatnonzero(labels == label))
        taken.append(rows[: min(max(1, round(fraction * count)), max(0, count - 1))])
    return np.sort(np.concatenate(taken))


def cut_test(whole: Split, settings: DataSettings, source: str) -> tuple[Split, Split]:
    """Cut `whole` into what is left and test, by the fraction of `settings`."""
    return cut(whole, settings.test_fraction, settings.split_seed, source)


def three_way(whole: Split, settings: DataSettings, source: str) -> dict[str, Split]:
    """Cut one split into train, validation and test, by the fractions of `settings`."""
    rest, test = cut_test(whole, settings, source)
    share = settings.validation_fraction / (1 - settings.test_fraction)
    train, validation = cut(rest, share, settings.split_seed, source)
    return {"train": train, "validation": validation, "test": test}
