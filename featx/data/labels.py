"""Raw labels become integers over one list of label names, and the result is checked.

A source may bring a mapping (ClassLabel, mapping.txt): then integers are positions in it and strings are its
names. Without one, the names that occur are sorted, as numbers when all of them are integers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from featx.data.dataset import SPLITS, Split
from featx.data.raw import RawSplit, checked_texts, label_text
from featx.errors import DataError

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")


def encode(raw: Mapping[str, RawSplit], mapping: Sequence[str] | None) -> tuple[tuple[str, ...], dict[str, Split]]:
    """Label names, and splits with integer labels, in the order train, validation, test.

    Parameters
    ----------
    raw : mapping of split name to RawSplit
    mapping : sequence of str or None
        Label names that the source itself states, by position.

    Raises
    ------
    DataError
        A text or label that is none, a label outside the mapping, a class that train lacks, or one class only.
    """
    names = {split: [label_text(v, r, row) for row, v in enumerate(r.labels)] for split, r in raw.items()}
    label_names = tuple(mapping) if mapping is not None else _sorted_names(n for ns in names.values() for n in ns)
    by_name = {name: position for position, name in enumerate(label_names)}
    splits = {}
    for split in (s for s in SPLITS if s in raw):
        texts = checked_texts(raw[split])
        integers_are_positions = mapping is not None and _holds_integers(raw[split].labels)
        by_label = {str(i): i for i in range(len(label_names))} if integers_are_positions else by_name
        splits[split] = Split(texts, _encoded(names[split], by_label, label_names, raw[split]), label_names)
    _check_classes(splits, raw)
    return label_names, splits


def _sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    distinct = set(names)
    if all(map(_INTEGER.fullmatch, distinct)):
        return tuple(sorted(distinct, key=int))
    return tuple(sorted(distinct))


def _holds_integers(labels: Sequence[object]) -> bool:
    return len(labels) > 0 and isinstance(labels[0], int | float)


def _encoded(
    names: Sequence[str], by_label: Mapping[str, int], label_names: tuple[str, ...], split: RawSplit
) -> NDArray[np.int64]:
    labels = np.empty(len(names), np.int64)
    for row, name in enumerate(names):
        label = by_label.get(name)
        if label is None:
            known = ", ".join(f"{position} {known_name}" for position, known_name in enumerate(label_names[:20]))
            hint = " (-1 often marks an unlabelled split)" if name == "-1" else ""
            raise DataError(
                f"{split.where(row)}: label {name!r} is outside the mapping ({known}){hint}; "
                "correct the label or the mapping"
            )
        labels[row] = label
    return labels


def _check_classes(splits: Mapping[str, Split], raw: Mapping[str, RawSplit]) -> None:
    train = splits["train"]
    source = raw["train"].source
    if len(train.label_names) < 2:
        only = train.label_names[0] if train.label_names else "none"
        raise DataError(f"{source}: the only label is {only!r}; a classifier needs two classes or more")
    absent = np.flatnonzero(train.class_counts == 0)
    if not len(absent):
        return
    name = train.label_names[absent[0]]
    for split, held in splits.items():
        rows = np.flatnonzero(held.labels == absent[0])
        if len(rows):
            raise DataError(
                f"{raw[split].where(int(rows[0]))}: class {name!r} is absent from train, so no method could learn "
                "it; add texts of it to train or remove it from the other splits"
            )
    raise DataError(
        f"{source}: class {name!r} of the mapping is absent from train, so no method could learn it; "
        "add texts of it or remove it from the mapping"
    )
