"""The test texts of an experiment, kept once beside its runs, so that a report can show them without the data set.

``<experiment>/texts/test-<digest>.parquet`` holds row and text; ``shared-<test>-<train>.parquet`` holds which of
these texts stand in a train split as well, and with which label. Both are found by the digests that every run
records, and what is read is checked against them: a report never shows texts of other data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.data import Split, TextDataset
from featx.errors import RunError
from featx.files import whole_file
from featx.runs.folder import check_is_no_link

FOLDER = "texts"


@dataclass(frozen=True)
class SharedText:
    """A test text that stands in train as well.

    Attributes
    ----------
    row : int
        In test.
    train_row : int or None
        The first such row in train.
    train_label : int or None
        Its label there; both are None where they were not kept.
    """

    row: int
    train_row: int | None
    train_label: int | None


def keep_texts(experiment: Path, dataset: TextDataset) -> None:
    """Write the test texts of `dataset` into the folder of an experiment, unless they are there.

    Raises
    ------
    RunError
        If they cannot be written, or a link is in their place.
    """
    test, train = dataset.test, dataset.train
    if dataset.folds is not None:  # all of whose texts are test texts, none of them in train as well
        test = train = dataset.folds.whole
    shared = [] if dataset.folds is not None else shared_texts(test, train)
    check_is_no_link(experiment / FOLDER)
    try:
        _keep(_test_path(experiment, test.digest), {"row": range(len(test)), "text": list(test.texts)})
        columns: dict[str, Sequence[Any]] = {
            "row": [s.row for s in shared],
            "train_row": [s.train_row for s in shared],
            "train_label": [s.train_label for s in shared],
        }
        _keep(_shared_path(experiment, test.digest, train.digest), columns)
    except OSError as e:
        raise RunError(
            f"the test texts cannot be written to {experiment / FOLDER}: {e.strerror or e}; free space, change "
            "`results`, or keep no `texts`"
        ) from e


def shared_texts(test: Split, train: Split) -> list[SharedText]:
    """Test texts that stand in train too, letter for letter, in the order of test."""
    first: dict[str, int] = {}
    for row, text in enumerate(train.texts):
        first.setdefault(text, row)
    return [
        SharedText(row, first[text], int(train.labels[first[text]]))
        for row, text in enumerate(test.texts)
        if text in first
    ]


def read_texts(
    experiment: Path, test_digest: str, labels: NDArray[np.int64], label_names: Sequence[str]
) -> list[str] | None:
    """Test texts that were kept in the folder of an experiment; None if they were not.

    Parameters
    ----------
    experiment : Path
    test_digest : str
        As the runs record it.
    labels : ndarray of shape (n_texts,), int64
    label_names : sequence of str

    Raises
    ------
    RunError
        If the file is broken or holds other texts.
    """
    from featx.data.digests import split_digest

    path = _test_path(experiment, test_digest)
    columns = _read(path, ["text"])
    if columns is None:
        return None
    texts = columns["text"]
    whole = len(texts) == len(labels) and all(isinstance(text, str) for text in texts)
    if not whole or split_digest(texts, labels, label_names) != test_digest:
        raise RunError(f"{path} does not hold the test texts of its runs; remove it, or show no `texts`")
    return texts


def read_shared(experiment: Path, test_digest: str, train_digest: str) -> list[SharedText] | None:
    """Return which test texts stand in train too; None if that was not kept.

    Raises
    ------
    RunError
        If the file is broken.
    """
    columns = _read(_shared_path(experiment, test_digest, train_digest), ["row", "train_row", "train_label"])
    if columns is None:
        return None
    return [SharedText(*row) for row in zip(*columns.values(), strict=True)]


def _test_path(experiment: Path, test_digest: str) -> Path:
    return experiment / FOLDER / f"test-{test_digest[:16]}.parquet"


def _shared_path(experiment: Path, test_digest: str, train_digest: str) -> Path:
    return experiment / FOLDER / f"shared-{test_digest[:16]}-{train_digest[:16]}.parquet"


def _keep(path: Path, columns: dict[str, Sequence[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.is_file():
        return
    kinds = {"text": pa.string()}
    table = pa.table({name: pa.array(values, kinds.get(name, pa.int64())) for name, values in columns.items()})
    with whole_file(path) as building:
        pq.write_table(table, building, compression="zstd")


def _read(path: Path, names: list[str]) -> dict[str, list[Any]] | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return None
    try:
        with pq.ParquetFile(path) as file:
            table = file.read(columns=names)
        return {name: table[name].to_pylist() for name in names}
    except (pa.ArrowException, OSError, KeyError, ValueError) as e:
        first_line = (str(e).splitlines() or [type(e).__name__])[0]
        raise RunError(f"{path} is broken ({first_line}); remove it, or show no `texts`") from e
