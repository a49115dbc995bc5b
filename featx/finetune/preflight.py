"""Checks before the first step: labels and classification head must fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from featx.data import Split
from featx.errors import TrainingError

_HEAD = "ForSequenceClassification"


def check_head(config: Any, label_names: tuple[str, ...], checkpoint: str) -> None:
    """Check a head that the checkpoint brings against the labels of the data.

    A checkpoint without a head gets a new one of the right size, and passes.

    Raises
    ------
    TrainingError
        If the head has another number of labels, or the same names in another order.
    """
    if not any(name.endswith(_HEAD) for name in config.architectures or ()):
        return
    head = {int(label): str(name) for label, name in (config.id2label or {}).items()}
    outside = [f"{i} ({name})" for i, name in enumerate(label_names) if i not in head]
    if outside:
        raise TrainingError(
            f"checkpoint {checkpoint!r} has a head for {len(head)} labels (0 to {len(head) - 1}), but the data has "
            f"{len(label_names)}: {_ids(outside)} are out of its range; use a checkpoint without a head"
        )
    if len(head) != len(label_names):
        unused = [f"{i} ({name})" for i, name in sorted(head.items()) if i >= len(label_names)]
        raise TrainingError(
            f"checkpoint {checkpoint!r} has a head for {len(head)} labels, but the data has {len(label_names)}: "
            f"{_ids(unused)} stand for nothing in it; use a checkpoint without a head"
        )
    named = [head[i].lower() for i in range(len(head))]
    wanted = [name.lower() for name in label_names]
    if named != wanted and sorted(named) == sorted(wanted):
        moved = [f"{i} ({head[i]} there, {label_names[i]} here)" for i in head if named[i] != wanted[i]]
        raise TrainingError(
            f"checkpoint {checkpoint!r} numbers the labels otherwise: {_ids(moved)}; use a checkpoint without a "
            "head, or number the data's labels as it does"
        )


def check_labels(splits: Mapping[str, Split], n_labels: int) -> None:
    """Check that every label id has a place in a head of `n_labels`.

    Raises
    ------
    TrainingError
        With the offending ids and the first row that has one.
    """
    for name, split in splits.items():
        outside = (split.labels < 0) | (split.labels >= n_labels)
        if outside.any():
            ids = sorted(set(split.labels[outside].tolist()))
            raise TrainingError(
                f"{name}, row {int(np.flatnonzero(outside)[0]) + 1}: label ids {_ids(map(str, ids))} are out of range; "
                f"a head of {n_labels} labels takes 0 to {n_labels - 1}: correct the labels or the mapping"
            )


def _ids(names: Any) -> str:
    names = list(names)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
