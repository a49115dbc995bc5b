"""`TextDataset`, `Split` and `Folds`: labelled texts in memory, checked and identified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from featx.data.digests import split_digest
from featx.markup import html_table

#: The splits, in the order in which they are shown.
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Texts with integer labels.

    Attributes
    ----------
    texts : sequence of str, length n_texts
    labels : ndarray of shape (n_texts,), int64
        Positions in `label_names`.
    label_names : tuple of str, length n_classes
    """

    texts: Sequence[str]
    labels: NDArray[np.int64]
    label_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise ValueError(f"{len(self.texts)} texts but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def digest(self) -> str:
        """Sha256 over texts, labels and label names, in order."""
        return split_digest(self.texts, self.labels, self.label_names)

    @property
    def class_counts(self) -> NDArray[np.int64]:
        """Texts per class, shape (n_classes,), int64."""
        return np.bincount(self.labels, minlength=len(self.label_names)).astype(np.int64)

    def rows(self, positions: NDArray[np.int64]) -> Split:
        """Return the texts at `positions`, in their order."""
        return Split([self.texts[row] for row in positions.tolist()], self.labels[positions], self.label_names)


@dataclass(frozen=True)
class Folds:
    """A whole set of texts, and which of them each fold trains on, chooses on and tests.

    Attributes
    ----------
    whole : Split
    rows : tuple of mapping of split name to ndarray of shape (n_texts,), int64
        For each fold the positions in `whole`, ascending. Test of all folds together holds every position once.
    """

    whole: Split
    rows: tuple[Mapping[str, NDArray[np.int64]], ...]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class TextDataset:
    """Splits train, validation and test over one set of label names.

    Of data that is cut by folds the splits are those of one fold, the first where nothing else was asked for.

    Attributes
    ----------
    address : str
        As the user wrote it.
    revision : str or None
        The Hub's commit; None for local data.
    notes : tuple of str
        What a reader of results should know: splits that were cut, texts that stand in two splits.
    folds : Folds or None
        All folds, where the data is cut by folds.
    fold : int or None
        The one that the splits are of, from 0.
    """

    address: str
    label_names: tuple[str, ...]
    splits: Mapping[str, Split]
    revision: str | None = None
    notes: tuple[str, ...] = field(default=())
    folds: Folds | None = None
    fold: int | None = None

    def of_fold(self, fold: int) -> TextDataset:
        """Return the same data with the splits of another fold.

        Raises
        ------
        ValueError
            If the data is not cut by folds.
        """
        if self.folds is None:
            raise ValueError("the data set is not cut by folds; expected one that was read with `folds`")
        rows = self.folds.rows[fold]
        return replace(self, splits={name: self.folds.whole.rows(rows[name]) for name in SPLITS}, fold=fold)

    @property
    def test_rows(self) -> NDArray[np.int64] | None:
        """Positions of the test texts among all texts of the folds, shape (n_texts,), int64; None without folds."""
        return None if self.folds is None or self.fold is None else self.folds.rows[self.fold]["test"]

    @property
    def train(self) -> Split:
        """The split that classifiers are fitted on."""
        return self.splits["train"]

    @property
    def validation(self) -> Split:
        """The split that every choice is made on."""
        return self.splits["validation"]

    @property
    def test(self) -> Split:
        """The split that is scored once."""
        return self.splits["test"]

    @property
    def n_classes(self) -> int:
        """Number of label names."""
        return len(self.label_names)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(split)}" for name, split in self.splits.items())
        if self.folds is not None:
            sizes = f"fold {self.fold} of {len(self.folds)}: {sizes}"
        return f"TextDataset({self.address!r}: {sizes}; {', '.join(self.label_names)})"

    def _repr_html_(self) -> str:
        rows = [[name, len(split), *split.class_counts.tolist()] for name, split in self.splits.items()]
        return html_table(["split", "texts", *self.label_names], rows, self.notes)
