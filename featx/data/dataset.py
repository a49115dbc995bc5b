"""`TextDataset` and `Split`: labelled texts in memory, checked and identified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class TextDataset:
    """Splits train, validation and test over one set of label names.

    Attributes
    ----------
    address : str
        As the user wrote it.
    revision : str or None
        The Hub's commit; None for local data.
    notes : tuple of str
        What a reader of results should know: splits that were cut, texts that stand in two splits.
    """

    address: str
    label_names: tuple[str, ...]
    splits: Mapping[str, Split]
    revision: str | None = None
    notes: tuple[str, ...] = field(default=())

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
        return f"TextDataset({self.address!r}: {sizes}; {', '.join(self.label_names)})"

    def _repr_html_(self) -> str:
        rows = [[name, len(split), *split.class_counts.tolist()] for name, split in self.splits.items()]
        return html_table(["split", "texts", *self.label_names], rows, self.notes)
