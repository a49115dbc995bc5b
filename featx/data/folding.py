"""Folds: every text is in test once, equal texts are in test together, and each class is dealt out evenly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from featx.data.dataset import SPLITS, Folds, Split, TextDataset
from featx.data.splitting import drawn_of_each_class
from featx.errors import DataError
from featx.settings import DataSettings

Integers = NDArray[np.int64]


def least_texts(n_folds: int) -> int:
    """Return how many different texts a class needs, so that train and validation of each fold have one.

    Examples
    --------
    >>> least_texts(2), least_texts(10)
    (4, 3)
    """
    return 4 if n_folds == 2 else 3


def cut_folds(whole: Split, settings: DataSettings, source: str) -> Folds:
    """Cut `whole` into folds, with a validation split inside the rest of each; `split_seed` alone decides.

    Parameters
    ----------
    whole : Split
    settings : DataSettings
        Of which `folds`, `validation_fraction` (of the texts that a fold does not test) and `split_seed` count.
    source : str
        To name in messages.

    Raises
    ------
    DataError
        If there are too few different texts, of all or of a class.
    """
    n_folds = settings.folds or 0
    groups, of_group = _equal_texts(whole)
    if len(of_group) < n_folds:
        raise DataError(f"{source}: {n_folds} folds of {len(of_group)} different texts; lower `folds`")
    fold_of = _dealt(of_group, np.bincount(groups), n_folds, np.random.default_rng(settings.split_seed))
    rows = []
    for fold in range(n_folds):
        rest = np.flatnonzero(fold_of != fold)
        rng = np.random.default_rng([settings.split_seed, fold])
        validation = rest[drawn_of_each_class(of_group[rest], settings.validation_fraction, rng)]
        split_of = np.zeros(len(of_group), np.int64)  # positions in SPLITS
        split_of[validation], split_of[fold_of == fold] = 1, 2
        here = {name: np.flatnonzero(split_of[groups] == at) for at, name in enumerate(SPLITS)}
        _check_classes(whole, here, n_folds, source)
        rows.append(here)
    return Folds(whole, tuple(rows))


def in_folds(dataset: TextDataset, settings: DataSettings) -> TextDataset:
    """Return a data set that is in memory, cut by the folds of `settings`: see `cut_folds`.

    Its train and validation texts are cut, those of test only with `fold_test`.
    """
    parts = [split for name, split in dataset.splits.items() if name != "test" or settings.fold_test]
    texts = [text for part in parts for text in part.texts]
    whole = Split(texts, np.concatenate([part.labels for part in parts]), dataset.label_names)
    folds = cut_folds(whole, settings, dataset.address)
    notes = (*dataset.notes, *fold_notes(folds, settings.split_seed))
    if not settings.fold_test:
        notes = (*notes, left_alone(len(dataset.test)))
    return replace(dataset, notes=notes, folds=folds).of_fold(0)


def fold_notes(folds: Folds, seed: int) -> list[str]:
    """Return what a reader must know of the cut."""
    n = len(folds.whole)
    repeated = n - len(set(folds.whole.texts))
    notes = [f"{n} texts cut into {len(folds)} folds, stratified, seed {seed}: every text is in test once"]
    if repeated:
        notes.append(f"{repeated} texts repeat another; equal texts are in test in one fold")
    return notes


def left_alone(n_texts: int) -> str:
    """Return the note on a test split that is no part of the folds."""
    return f"the {n_texts} texts of the test split are left alone; set `fold_test` to take them into the folds"


def _equal_texts(whole: Split) -> tuple[Integers, Integers]:
    """Return the group of each text, those that are equal in one, and the class of each group: its rarest label."""
    number: dict[str, int] = {}
    groups = np.fromiter((number.setdefault(text, len(number)) for text in whole.texts), np.int64, len(whole))
    rank = np.argsort(np.argsort(whole.class_counts, kind="stable"))
    order = np.lexsort((rank[whole.labels], groups))
    first = np.unique(groups[order], return_index=True)[1]
    return groups, whole.labels[order][first]


def _dealt(of_group: Integers, sizes: Integers, n_folds: int, rng: np.random.Generator) -> Integers:
    """Return a fold for each group: each to the fold with the fewest of its class, then with the fewest texts."""
    fold_of = np.empty(len(of_group), np.int64)
    total = [0] * n_folds
    for label in range(int(of_group.max()) + 1):
        here = [0] * n_folds
        groups = rng.permutation(np.flatnonzero(of_group == label))
        for group in groups[np.argsort(-sizes[groups], kind="stable")].tolist():
            fold = min(range(n_folds), key=lambda k: (here[k], total[k]))
            fold_of[group] = fold
            here[fold] += 1  # not its texts: each fold must leave different texts of the class for train and validation
            total[fold] += int(sizes[group])
    return fold_of


def _check_classes(whole: Split, rows: Mapping[str, Integers], n_folds: int, source: str) -> None:
    """Check that train and validation have every class, which texts with several labels can prevent."""
    for name in ("train", "validation"):
        there = np.bincount(whole.labels[rows[name]], minlength=len(whole.label_names))
        for label in np.flatnonzero((there == 0) & (whole.class_counts > 0)).tolist():
            _refuse(whole, label, n_folds, source)


def _refuse(whole: Split, label: int, n_folds: int, source: str) -> NoReturn:
    n = len({text for text, of in zip(whole.texts, whole.labels.tolist(), strict=True) if of == label})
    raise DataError(
        f"{source}: class {whole.label_names[label][:80]!r} has {n} different texts, too few for {n_folds} folds with "
        f"a validation split in each; add texts ({least_texts(n_folds)} of each class at least), or set `drop_rare` to "
        "leave it out"
    )
