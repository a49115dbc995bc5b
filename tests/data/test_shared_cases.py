"""Files of other people that once were refused or misread, read from the folder of cases; and digests of version 0.1."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from featx.data import TextDataset, load_dataset
from featx.data.streams import stream_texts
from featx.errors import DataError
from featx.settings import DataSettings

SHARED = Path(__file__).parents[3] / "shared"
pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def cases() -> Path:
    """The cases; missing ones fail in CI and skip elsewhere."""
    folder = SHARED / "cases" / "data"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the cases are missing at {folder}")
        pytest.skip(f"the cases are missing at {folder}")
    return folder


def load(path: Path, **settings: object) -> TextDataset:
    return load_dataset(DataSettings(str(path), **settings))


def sizes(dataset: TextDataset) -> list[int]:
    return [len(split) for split in dataset.splits.values()]


@pytest.mark.parametrize("name", ["swallow.tsv", "swallow.csv"])
def test_stray_quotes_swallow_no_rows(cases: Path, name: str) -> None:
    path = cases / "tsv-stray-quotes" / name
    expected = pd.read_csv(path, sep="\t" if name.endswith("tsv") else ",", quoting=3)["text"].tolist()
    assert len(expected) == 60
    assert list(stream_texts(path)) == expected
    dataset = load(path)
    assert sorted(text for split in dataset.splits.values() for text in split.texts) == sorted(expected)
    assert "see line 6" in dataset.notes[0]


@pytest.mark.parametrize("name", ["csv", "training"])
def test_names_of_splits(cases: Path, name: str) -> None:
    dataset = load(cases / "valid-split" / name)
    assert sizes(dataset) == [60, 20, 20]
    assert dataset.notes == ()


def test_names_of_splits_in_the_tweeteval_layout(cases: Path) -> None:
    dataset = load(cases / "valid-split" / "tweeteval")
    assert sizes(dataset) == [60, 15, 30]
    assert dataset.notes == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("hub-snapshot", [60, 20, 20]), ("shards", [52, 8, 20]), ("saved", [60, 20, 20]), ("parquet", [60, 20, 20])],
)
def test_folders_of_datasets(cases: Path, name: str, expected: list[int]) -> None:
    dataset = load(cases / "datasets-folders" / name)
    assert sizes(dataset) == expected
    assert dataset.label_names == ("ham", "spam")


def test_saved_and_parquet_are_one_data_set(cases: Path) -> None:
    import datasets

    saved, parquet = (load(cases / "datasets-folders" / name) for name in ("saved", "parquet"))
    assert [s.digest for s in saved.splits.values()] == [s.digest for s in parquet.splits.values()]
    reference = datasets.load_from_disk(str(cases / "datasets-folders" / "saved"))
    assert saved.train.texts == list(reference["train"]["text"])
    assert saved.train.labels.tolist() == list(reference["train"]["label"])
    one = load(cases / "datasets-folders" / "saved" / "train")
    assert sizes(one) == [42, 10, 8]


def test_shards_keep_their_order(cases: Path) -> None:
    folder = cases / "datasets-folders" / "hub-snapshot"
    files = sorted((folder / "data").glob("train-*.parquet"))
    assert load(folder).train.texts == [text for file in files for text in pd.read_parquet(file)["text"]]


def test_mappings_of_tweeteval(cases: Path) -> None:
    assert load(cases / "tweeteval-mapping" / "emoji").label_names == ("❤", "😍", "😂")
    assert load(cases / "tweeteval-mapping" / "stance" / "abortion").label_names == ("none", "against", "favor")


def test_an_unlabelled_test_split(cases: Path) -> None:
    folder = cases / "unlabelled-test"
    with pytest.raises(
        DataError, match=r"no text of the test split has a label \(all are -1\); set `test_split` to validation"
    ):
        load(folder)
    assert sizes(load(folder, test_split="validation")) == [34, 6, 10]


@pytest.mark.parametrize(
    ("name", "encoding"), [("cp1251.csv", "cp1251"), ("gbk.csv", "gbk"), ("shiftjis.csv", "shift_jis")]
)
def test_encodings(cases: Path, name: str, encoding: str) -> None:
    path = cases / "encoding-advice" / name
    with pytest.raises(DataError, match="find out the encoding of the file and give it as `encoding`"):
        load(path)
    expected = pd.read_csv(path, encoding=encoding)
    assert sum(sizes(load(path, encoding=encoding))) == len(expected)
    assert (
        list(stream_texts(cases / "encoding-advice" / "utf16.csv"))
        == pd.read_csv(cases / "encoding-advice" / "utf16.csv", encoding="utf-16")["text"].tolist()
    )


def test_emoji_are_texts(cases: Path) -> None:
    assert load(cases / "no-words-for-tfidf" / "emoji_only.csv").label_names == ("neg", "pos")


def test_windows_lines_are_lines(cases: Path) -> None:
    folder = cases.parent / "train" / "predict-crlf"
    texts = {name: list(stream_texts(folder / f"{name}.txt")) for name in ("lf", "crlf")}
    assert texts["lf"] == texts["crlf"]
    assert len(texts["lf"]) == 100


#: First digits of the digests that version 0.1 computed, by data set: train, validation, test.
OF_VERSION_0_1 = {
    "movie-reviews-long": ("dddf5103198c0bd5", "7ed34b37565613bc", "8a35e3f0f052c398"),
    "sst2": ("4299f2872dbdb126", "6963b210e625c010", "3786aaa301481069"),
    "sst5": ("e769240c266c5425", "a2b894b61ac30db2", "721c36ecd332f46b"),
    "trec": ("8fc527c2acbd7b55", "a421ef59be26ba0a", "a03728673b0993de"),
    "umsab-english": ("bd052a761e48e683", "30efd2fa11179f66", "e9a1d56e32dd8e95"),
}


@pytest.mark.parametrize("name", OF_VERSION_0_1)
def test_digests_are_those_of_version_0_1(cases: Path, name: str) -> None:
    dataset = load_dataset(DataSettings(str(SHARED / "data" / name)))
    assert tuple(split.digest[:16] for split in dataset.splits.values()) == OF_VERSION_0_1[name]
