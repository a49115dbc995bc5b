"""Names of classes, rows without labels, rare classes, and the split that serves as test."""

from __future__ import annotations

import decimal
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from featx.data import TextDataset, load_dataset
from featx.errors import DataError
from featx.settings import DataSettings


def write(path: Path, labels: list[object], start: int = 0) -> None:
    rows = [{"text": f"text {start + k}", "label": label} for k, label in enumerate(labels)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def load(path: Path, **settings: object) -> TextDataset:
    return load_dataset(DataSettings(str(path), **settings))


NAMES = [
    "خانه\u200cها",
    "👩\u200d💻",
    "non\u00a0breaking",
    "\u202bعربي\u202c",
    "x" * 500,
    "क\u094dष",
    "\ue000",
    "a/b",
    "<b>",
]


def test_real_names_are_names(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", NAMES * 8)
    assert set(load(tmp_path / "a.jsonl").label_names) == set(NAMES)


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "a\x00b", "a\x85b", "a\u2028b", "a\u2029b", "\x1b[31m", "x" * 501])
def test_control_characters_and_separators_are_none(tmp_path: Path, name: str) -> None:
    write(tmp_path / "a.jsonl", ["ok", "fine"] * 8 + [name])
    with pytest.raises(DataError, match=r"line 17: the label .* is no name"):
        load(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("labels", "names", "note"),
    [
        ([0, 1, 0.0, 1.0] * 5, ("0", "1"), None),
        (["0", "1", "0.0", "1.0", "2.0"] * 5, ("0", "1", "2"), "'0.0' as '0'"),
        (["1.0", "2.0"] * 10, ("1.0", "2.0"), None),
        (["True", "false", "true"] * 7, ("False", "True"), "'true' as 'True'"),
        ([True, False] * 10, ("False", "True"), None),
        (["yes", "true"] * 10, ("true", "yes"), None),
        ([1, "1", 1.0, True, 0] * 6, ("0", "1", "True"), "mix numbers and truth values: '0' and '1' and 'True'"),
        (
            ["caf\u00e9", "cafe\u0301", "bar"] * 6,
            ("bar", "cafe\u0301", "caf\u00e9"),
            r"classes 'cafe\u0301' and 'caf\xe9' differ only in how they are written",
        ),
        (["Spam", "spam", "ham"] * 6, ("Spam", "ham", "spam"), "'Spam' and 'spam' differ only in how they are written"),
    ],
)  # fmt: skip
def test_labels_that_mean_the_same(
    tmp_path: Path, labels: list[object], names: tuple[str, ...], note: str | None
) -> None:
    write(tmp_path / "a.jsonl", labels)
    dataset = load(tmp_path / "a.jsonl")
    assert dataset.label_names == names
    assert (note or "written") in " ".join(dataset.notes) or note is None
    assert note is not None or "written" not in " ".join(dataset.notes)


def test_decimals_of_databases(tmp_path: Path) -> None:
    labels = pa.array([decimal.Decimal(k % 3) for k in range(30)], pa.decimal128(10, 2))
    pq.write_table(pa.table({"text": [f"t {k}" for k in range(30)], "label": labels}), tmp_path / "a.parquet")
    assert load(tmp_path / "a.parquet").label_names == ("0", "1", "2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "train.jsonl", [0, 1] * 20)
    write(tmp_path / "validation.jsonl", [0, 1] * 5, 100)
    write(tmp_path / "test.jsonl", [-1] * 6, 200)
    return tmp_path


def test_an_unlabelled_test_split_says_what_can_be_done(folder: Path) -> None:
    words = (
        r"test\.jsonl: no text of the test split has a label \(all are -1\); set `test_split` to validation .* to train"
    )
    with pytest.raises(DataError, match=words):
        load(folder)
    with pytest.raises(DataError, match=words):
        load(folder, drop_unlabelled=True)
    made = load(folder, test_split="validation")
    assert made.test.texts == [f"text {k}" for k in range(100, 110)]
    assert (len(made.train), len(made.validation)) == (34, 6)
    made = load(folder, test_split="train")
    assert made.validation.texts == [f"text {k}" for k in range(100, 110)]
    assert (len(made.train), len(made.test)) == (34, 6)
    assert "6 texts cut from train serve as test" in made.notes[0]
    (folder / "validation.jsonl").unlink()
    with pytest.raises(DataError, match=r"set `test_split` to train to cut a test split"):
        load(folder)
    assert [len(split) for split in load(folder, test_split="train").splits.values()] == [28, 6, 6]
    with pytest.raises(DataError, match="there is no validation split to serve as test"):
        load(folder, test_split="validation")


@pytest.mark.parametrize("labels", [[None] * 4, [""] * 4, [-1.0] * 4, ["-1"] * 4, [None, -1, "", "-1"]], ids=str)
def test_whatever_marks_an_unlabelled_test(folder: Path, labels: list[object]) -> None:
    write(folder / "test.jsonl", labels)
    with pytest.raises(DataError, match="no text of the test split has a label"):
        load(folder)


def test_a_test_file_without_a_label_column(folder: Path) -> None:
    (folder / "test.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(DataError, match=r"no label column .* if test has no labels, set `test_split` to validation"):
        load(folder)
    assert len(load(folder, test_split="validation").test) == 10


def test_train_alone(folder: Path) -> None:
    (folder / "test.jsonl").unlink()
    with pytest.raises(
        DataError,
        match=r"no test split beside train; add one .*, or set `test_split` to validation .*, or set `test_split` to train",
    ):
        load(folder)
    assert len(load(folder, test_split="train").test) == 6


def test_rows_without_labels_are_left_out_when_asked(folder: Path) -> None:
    write(folder / "train.jsonl", [0, 1, None, 0, 1, ""] * 8)
    write(folder / "test.jsonl", [0, 1, None])
    with pytest.raises(
        DataError, match=r"train\.jsonl, line 3: the label is null; .*`drop_unlabelled`.*\(8 rows in all"
    ):
        load(folder)
    made = load(folder, drop_unlabelled=True)
    assert (len(made.train), len(made.test)) == (32, 2)
    assert made.notes[:2] == ("train: 16 rows without a label left out", "test: 1 rows without a label left out")


def test_minus_one_is_a_class_or_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path, [-1, 0, 1] * 10)
    made = load(path)
    assert made.label_names == ("-1", "0", "1")
    assert "the label -1 of 10 rows is read as a class; set `drop_unlabelled`" in made.notes[0]
    assert load(path, drop_unlabelled=True).label_names == ("0", "1")
    write(path, [-1, 0, 1, None] * 10)
    assert load(path, drop_unlabelled=True).label_names == ("-1", "0", "1")


def test_rows_without_texts_are_left_out_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"{'' if k % 5 == 0 else f'text {k}'},{k % 2}\n" for k in range(50)))
    with pytest.raises(DataError, match=r"line 2: the text is empty; .*`drop_empty`.*10 rows in all"):
        load(path)
    made = load(path, drop_empty=True)
    assert sum(map(len, made.splits.values())) == 40
    assert made.notes[0] == "train: 10 rows without a text left out"
    assert sorted(int(text.split()[1]) for split in made.splits.values() for text in split.texts) == [
        k for k in range(50) if k % 5
    ]


def test_rare_classes_are_left_out_when_asked(folder: Path) -> None:
    (folder / "validation.jsonl").unlink()
    write(folder / "train.jsonl", [0, 1] * 20 + [2])
    write(folder / "test.jsonl", [0, 1, 2, 3], 200)
    with pytest.raises(DataError, match=r"test\.jsonl, line 4: class '3' is absent from train.*`drop_rare`"):
        load(folder)
    made = load(folder, drop_rare=True)
    assert made.label_names == ("0", "1")
    assert len(made.test) == 2
    assert made.notes[0] == "2 classes with fewer than 2 texts in train left out, with 3 texts: '2', '3'"
    single = folder / "one.jsonl"
    write(single, ["a"] * 10 + ["b"] * 10 + ["c"] * 2)
    with pytest.raises(DataError, match=r"class 'c' has 1 text left, too few to cut a split from.*`drop_rare`"):
        load(single)
    assert load(single, drop_rare=True).label_names == ("a", "b")


def test_rare_classes_of_a_mapping(tweets: Path) -> None:
    (tweets / "mapping.txt").write_text("0\tnegative\n1\tneutral\n2\tpositive\n3\tnever\n")
    with pytest.raises(DataError, match=r"class 'never' of the mapping is absent from train.*`drop_rare`"):
        load(tweets)
    made = load(tweets, drop_rare=True)
    assert made.label_names == ("negative", "neutral", "positive")
    lines = (tweets / "train_labels.txt").read_text().split("\n")
    assert made.train.labels.tolist() == [int(line) for line in lines]


def test_dropping_nothing_changes_nothing(folder: Path) -> None:
    write(folder / "test.jsonl", [0, 1])
    plain, asked = load(folder), load(folder, drop_rare=True, drop_empty=True, drop_unlabelled=True)
    assert [split.digest for split in plain.splits.values()] == [split.digest for split in asked.splits.values()]
