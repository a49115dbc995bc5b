"""Describe a data set: lengths, classes and duplicate texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.data.dataset import Split, TextDataset


@dataclass(frozen=True)
class Lengths:
    """Five numbers of a group of texts, in characters or tokens."""

    n_texts: int
    mean: float
    median: float
    p95: float
    longest: int

    @classmethod
    def of(cls, lengths: NDArray[np.int64]) -> Lengths | None:
        """Return a summary of `lengths`, shape (n_texts,); None of no texts."""
        if not len(lengths):
            return None
        median, p95 = np.percentile(lengths, [50, 95])
        return cls(len(lengths), float(lengths.mean()), float(median), float(p95), int(lengths.max()))


@dataclass(frozen=True)
class Repeated:
    """Counts of duplicate texts, letter for letter.

    Attributes
    ----------
    n_texts : int
        Texts that repeat an earlier one.
    n_other_label : int
        Those of them whose label is not that of the first.
    """

    n_texts: int
    n_other_label: int


def character_lengths(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the characters (code points) of each text, shape (n_texts,), int64."""
    return np.fromiter(map(len, texts), np.int64, len(texts))


def by_class(lengths: NDArray[np.int64], split: Split) -> dict[str, Lengths | None]:
    """Return a summary of the lengths of each class."""
    return {name: Lengths.of(lengths[split.labels == label]) for label, name in enumerate(split.label_names)}


def repeated_within(split: Split) -> Repeated:
    """Count the texts of a split that repeat an earlier one."""
    return _repeated({}, split)


def repeated_across(dataset: TextDataset) -> dict[tuple[str, str], Repeated]:
    """Count, for each pair of splits, the texts of the second that are in the first."""
    names = list(dataset.splits)
    found = {}
    for at, earlier in enumerate(names):
        first = _first_labels(dataset.splits[earlier])
        for later in names[at + 1 :]:
            found[earlier, later] = _shared(first, dataset.splits[later])
    return found


def samples(split: Split, n: int, seed: int = 0) -> list[tuple[int, str, str]]:
    """Return row, label name and text of `n` rows drawn by `seed`, classes in turn, in the order of the split."""
    rng = np.random.default_rng(seed)
    of_class = [rng.permutation(np.flatnonzero(split.labels == label)) for label in range(len(split.label_names))]
    turns = [rows[turn] for turn in range(n) for rows in of_class if turn < len(rows)]
    return [(int(row), split.label_names[split.labels[row]], split.texts[row]) for row in sorted(turns[:n])]


def summary(dataset: TextDataset) -> dict[str, Any]:
    """Return sizes, classes and duplicate texts as plain values for JSON."""
    return {
        "address": dataset.address,
        "revision": dataset.revision,
        "notes": list(dataset.notes),
        "label_names": list(dataset.label_names),
        "splits": {
            name: {
                "n_texts": len(split),
                "class_counts": split.class_counts.tolist(),
                "repeated": vars(repeated_within(split)),
            }
            for name, split in dataset.splits.items()
        },
        "shared": [
            {"in": earlier, "and": later, **vars(repeated)}
            for (earlier, later), repeated in repeated_across(dataset).items()
        ],
    }


def _first_labels(split: Split) -> dict[str, int]:
    first: dict[str, int] = {}
    for text, label in zip(split.texts, split.labels.tolist(), strict=True):
        first.setdefault(text, label)
    return first


def _shared(first: Mapping[str, int], split: Split) -> Repeated:
    labels = [
        (first[text], label) for text, label in zip(split.texts, split.labels.tolist(), strict=True) if text in first
    ]
    return Repeated(len(labels), sum(there != here for there, here in labels))


def _repeated(first: dict[str, int], split: Split) -> Repeated:
    n_texts = n_other = 0
    for text, label in zip(split.texts, split.labels.tolist(), strict=True):
        if text in first:
            n_texts += 1
            n_other += first[text] != label
        else:
            first[text] = label
    return Repeated(n_texts, n_other)
