"""Data in memory is read by the rules of files: the same content gives the same splits and the same digests."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import featx
from featx.errors import DataError, FeatxError

TEXTS = [f"{word} number {n}" for n in range(8) for word in ("good", "bad, very", "日本 \u2028 fine")]
LABELS = ["pos", "neg", "neutral"] * 8

#: From columns to everything that may stand for one table.
TABLES: dict[str, Callable[[list[str], list[Any]], Any]] = {
    "lists": lambda texts, labels: (texts, labels),
    "a list of two lists": lambda texts, labels: [texts, labels],
    "arrays": lambda texts, labels: (np.array(texts), np.array(labels)),
    "columns": lambda texts, labels: {"id": range(len(texts)), "text": texts, "label": labels},
    "pandas": lambda texts, labels: pd.DataFrame({"text": texts, "label": labels}),
    "pandas series": lambda texts, labels: (pd.Series(texts), pd.Series(labels, dtype="category")),
    "pandas with an index": lambda texts, labels: pd.DataFrame({"text": texts, "label": labels}, [5] * len(texts)),
    "polars": lambda texts, labels: pl.DataFrame({"text": texts, "label": labels}),
    "Arrow": lambda texts, labels: pa.table({"text": texts, "label": labels}),
    "datasets": lambda texts, labels: datasets.Dataset.from_dict({"text": texts, "label": labels}),
}  # fmt: skip


def digests(data: Any) -> dict[str, str]:
    return {name: split.digest for name, split in data.splits.items()}


def write_csv(path: Path, texts: list[str], labels: list[Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text", "label"], *zip(texts, labels, strict=True)])
    return path


@pytest.mark.parametrize("labels", [LABELS, [2, 0, 10] * 8], ids=["names", "numbers"])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_cut_as_a_file_with_the_same_content(tmp_path: Path, name: str, labels: list[Any]) -> None:
    from_file = featx.load_dataset(write_csv(tmp_path / "x.csv", TEXTS, labels), split_seed=3, test_fraction=0.3)
    in_memory = featx.load_dataset(TABLES[name](TEXTS, labels), split_seed=3, test_fraction=0.3)
    assert in_memory.label_names == from_file.label_names
    assert digests(in_memory) == digests(from_file)
    assert in_memory.splits["test"].texts == from_file.splits["test"].texts
    assert featx.load_dataset(in_memory) is in_memory


@pytest.mark.parametrize("name", TABLES)
def test_splits_are_read_as_a_folder_of_files(tmp_path: Path, name: str) -> None:
    parts = {"train": slice(0, 12), "dev": slice(12, 18), "test": slice(18, 24)}
    for split, rows in parts.items():
        write_csv(tmp_path / f"{split}.csv", TEXTS[rows], LABELS[rows])
    given = {split: TABLES[name](TEXTS[rows], LABELS[rows]) for split, rows in parts.items()}
    assert digests(featx.load_dataset(given)) == digests(featx.load_dataset(tmp_path))


def test_a_dataset_dict_brings_its_label_names() -> None:
    features = datasets.Features({"sentence": datasets.Value("string"), "label": datasets.ClassLabel(names=["b", "a"])})
    rows = {"sentence": TEXTS[:12], "label": [0, 1] * 6}
    made = datasets.Dataset.from_dict(rows, features)
    data = featx.load_dataset(datasets.DatasetDict(train=made, validation=made, test=made, unsupervised=made))
    assert data.label_names == ("b", "a")
    assert data.train.labels.tolist() == [0, 1] * 6
    assert list(data.splits) == ["train", "validation", "test"]


def test_the_name_is_that_of_the_content() -> None:
    first, again = (featx.load_dataset((TEXTS, LABELS)).address for _ in range(2))
    assert first == again
    assert first != featx.load_dataset((TEXTS, LABELS[::-1])).address


WRONG: dict[str, tuple[Any, str]] = {
    "texts alone": (["good", "bad"], r"a list of 2 texts without labels; expected an address, \(texts, labels\)"),
    "one text more": ((TEXTS, LABELS[1:]), "24 texts but 23 labels; every text needs one label"),
    "a null in a frame": (pd.DataFrame({"text": [*TEXTS[:3], None], "label": LABELS[:4]}), "row 4: the text is null"),
    "a null in polars": (pl.DataFrame({"text": TEXTS[:2], "label": ["a", None]}), "row 2: the label is null"),
    "NA": (pd.DataFrame({"text": TEXTS[:2], "label": pd.array([1, pd.NA])}), "row 2: the label is null"),
    "no text column": (pd.DataFrame({"x": TEXTS, "label": LABELS}), "no text column .*; it has 'x', 'label'"),
    "columns without names": (pd.DataFrame([["a", "b"]]), "no text column .*; it has '0', '1'"),
    "an empty table": ({"text": [], "label": []}, "holds no rows"),
    "a split twice": ({"train": (TEXTS, LABELS), "Training": (TEXTS, LABELS)}, "'train', 'Training' name a split twice"),
    "no test": ({"train": (TEXTS, LABELS)}, "no test split beside train"),
    "a number in test": ({"train": (TEXTS, LABELS), "test": ([1], ["pos"])}, "data in memory, test, row 1: the text is 1"),
    "a number": (7, "a data set cannot be read from a value of type int"),
    "a generator": ((text for text in TEXTS), "from a value of type generator"),
    "bytes": (b"demo", "from a value of type bytes"),
    "a text and a label": (("good", "pos"), "a tuple of 2 texts without labels"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_data_is_one_clear_line(name: str) -> None:
    data, words = WRONG[name]
    for function in (featx.load_dataset, lambda given: featx.baseline(given, "demo")):
        with pytest.raises(DataError, match=words) as error:
            function(data)
        assert "\n" not in str(error.value)


def test_columns_are_named_as_for_files() -> None:
    frame = pd.DataFrame({"tweet_": TEXTS, "stance": LABELS})
    named = featx.load_dataset(frame, text_column="tweet_", label_column="stance")
    assert digests(named) == digests(featx.load_dataset((TEXTS, LABELS)))
    with pytest.raises(FeatxError, match="no column 'stances'"):
        featx.load_dataset(frame, text_column="tweet_", label_column="stances")
