"""Every address of a data set that needs no network, and what each makes of the data."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from featx.data import load_dataset
from featx.errors import DataError
from featx.settings import DataSettings

ROWS = [("a good day", "positive"), ("a bad day", "negative"), ("it opens at nine", "neutral")]


def load(address: Path | str, **settings: object) -> object:
    return load_dataset(DataSettings(str(address), **settings))


def csv_of(rows: list[tuple[str, str]], header: str = "text,label") -> str:
    return "\n".join([header, *(f'"{text}",{label}' for text, label in rows)]) + "\n"


def many(n: int) -> list[tuple[str, str]]:
    return [(f"{text} {i}", label) for i in range(n) for text, label in ROWS]


def test_tweeteval_layout(tweets: Path) -> None:
    dataset = load(tweets)
    assert dataset.label_names == ("negative", "neutral", "positive")
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 60, "validation": 15, "test": 30}
    lines = (tweets / "train_labels.txt").read_text().split("\n")
    assert dataset.train.labels.tolist() == [int(line) for line in lines]


def test_tweeteval_splits_lines_at_newlines_alone(tweets: Path) -> None:
    odd = "one\u2028two\x0bthree\x85four\x1cfive\rsix"
    (tweets / "test_text.txt").write_text(f"{odd}\nlast without newline", newline="")
    (tweets / "test_labels.txt").write_text("2\n0")
    assert load(tweets).test.texts == [odd, "last without newline"]


def test_real_tweets(umsab: Path) -> None:
    dataset = load(umsab)
    assert [len(split) for split in dataset.splits.values()] == [1839, 324, 870]
    assert dataset.label_names == ("negative", "neutral", "positive")
    assert dataset.test.class_counts.tolist() == [290, 290, 290]


def test_folder_of_tables_in_three_formats(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(csv_of(many(5)))
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in many(2)))
    pq.write_table(pa.table({"text": [t for t, _ in ROWS], "label": [n for _, n in ROWS]}), tmp_path / "test.parquet")
    dataset = load(tmp_path)
    assert [len(split) for split in dataset.splits.values()] == [15, 6, 3]
    assert [dataset.label_names[i] for i in dataset.test.labels] == ["positive", "negative", "neutral"]
    assert list(dataset.splits) == ["train", "validation", "test"]


@pytest.mark.parametrize("name", ["validation", "val", "dev"])
def test_names_of_the_validation_split(tmp_path: Path, name: str) -> None:
    (tmp_path / "train.csv").write_text(csv_of(many(5)))
    (tmp_path / "test.csv").write_text(csv_of(ROWS))
    (tmp_path / f"{name}.tsv").write_text("text\tlabel\nfine\tpositive\n")
    assert load(tmp_path).validation.texts == ["fine"]


def test_missing_validation_is_cut_from_train_stratified_and_said(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(csv_of(many(40)))
    (tmp_path / "test.csv").write_text(csv_of(ROWS))
    dataset = load(tmp_path)
    assert dataset.validation.class_counts.tolist() == [6, 6, 6]
    assert len(dataset.train) == 102
    assert not set(dataset.train.texts) & set(dataset.validation.texts)
    assert "no validation split: 18 texts cut from train" in dataset.notes[0]


def test_one_file_is_cut_in_three_by_the_split_seed_alone(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text(csv_of(many(100)))
    dataset, again, other = load(path), load(path), load(path, split_seed=1)
    assert [len(split) for split in dataset.splits.values()] == [210, 45, 45]
    assert dataset.test.class_counts.tolist() == [15, 15, 15]
    texts = [text for split in dataset.splits.values() for text in split.texts]
    assert sorted(texts) == sorted(text for text, _ in many(100))
    assert dataset.test.digest == again.test.digest != other.test.digest
    assert "cut into train/validation/test of 210/45/45" in dataset.notes[0]


@pytest.mark.parametrize(
    ("header", "settings"),
    [
        ("text,label", {}),
        ("Tweet,Sentiment", {}),
        ("review,category", {}),
        ("body,stars", {"text_column": "body", "label_column": "stars"}),
    ],
)
def test_columns_by_name_or_option(tmp_path: Path, header: str, settings: dict[str, str]) -> None:
    path = tmp_path / "data.csv"
    path.write_text(csv_of(many(10), header))
    assert load(path, **settings).label_names == ("negative", "neutral", "positive")


def test_integer_labels_are_sorted_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "stars.csv"
    path.write_text("text,label\n" + "".join(f"text {i},{i % 11}\n" for i in range(110)))
    dataset = load(path)
    assert dataset.label_names == tuple(str(i) for i in range(11))
    by_text = {
        text: dataset.label_names[label]
        for s in dataset.splits.values()
        for text, label in zip(s.texts, s.labels, strict=True)
    }
    assert by_text["text 10"] == "10"
    assert by_text["text 12"] == "1"


def test_texts_that_pandas_would_take_for_null_are_texts(tmp_path: Path) -> None:
    words = ["NA", "null", "NaN", "None", "N/A", "nan"]
    (tmp_path / "train.csv").write_text("text,label\n" + "".join(f"{w},{i % 2}\n" for i, w in enumerate(words * 3)))
    (tmp_path / "test.csv").write_text("text,label\nNA,0\nnull,1\n")
    assert load(tmp_path).test.texts == ["NA", "null"]


def test_byte_order_mark_and_quoted_newlines(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(csv_of(many(5)))
    (tmp_path / "test.csv").write_bytes(b'\xef\xbb\xbftext,label\r\n"two\nlines, ""quoted""",neutral\r\nx,positive\r\n')
    assert load(tmp_path).test.texts == ['two\nlines, "quoted"', "x"]


def test_texts_in_train_and_test_are_counted_not_dropped(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(csv_of(many(5)))
    (tmp_path / "dev.csv").write_text(csv_of(ROWS))
    (tmp_path / "test.csv").write_text(csv_of(many(5)[:2] + ROWS))
    dataset = load(tmp_path)
    assert len(dataset.test) == 5
    assert dataset.notes == ("2 of 5 test texts stand in train as well",)


def test_digest_tells_text_label_and_order_apart(tmp_path: Path) -> None:
    def digest(rows: list[tuple[str, str]]) -> str:
        (tmp_path / "train.csv").write_text(csv_of(many(5)))
        (tmp_path / "test.csv").write_text(csv_of(rows))
        return load(tmp_path).test.digest

    base = digest(ROWS)
    assert digest(ROWS) == base
    assert digest(ROWS[::-1]) != base
    assert digest([(ROWS[0][0], "neutral"), *ROWS[1:]]) != base
    assert digest([(ROWS[0][0] + " ", ROWS[0][1]), *ROWS[1:]]) != base


def test_demo_needs_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    dataset = load("demo")
    assert [len(split) for split in dataset.splits.values()] == [600, 150, 1350]
    assert [split.class_counts.tolist() for split in dataset.splits.values()] == [[200] * 3, [50] * 3, [450] * 3]
    assert dataset.notes == ()


ERRORS = {
    "missing text column": ("body,label\nx,1\n", r"data\.csv: no text column .*it has 'body', 'label'.*`text_column`"),
    "missing label column": ("text,stars\nx,1\n", r"no label column .*`label_column`"),
    "empty file": ("", r"data\.csv: the file is empty; expected a header"),
    "header alone": ("text,label\n", r"data\.csv holds no rows"),
    "empty text": ("text,label\nx,1\n,0\n", r"data\.csv, line 3: the text is empty; fill it in or remove"),
    "blank text": ("text,label\nx,1\n  \t,0\n", r"line 3: the text is empty"),
    "empty label": ("text,label\nx,1\ny,\n", r"line 3: the label is empty"),
    "one class": ("text,label\nx,1\ny,1\n", r"the only label is '1'; a classifier needs two classes"),
    "ragged row": ("text,label\nx,1\ny,0,2\n", r"line 3: 3 cells, but the header has 2; quote"),
    "short row": ("text,label\nx,1\ny\n", r"line 3: 1 cells, but the header has 2"),
    "open quote": ('text,label\nx,1\n"y,0\n', r"line 3: not readable as CSV: unexpected end of data"),
    "doubled column": ("text,text,label\nx,y,1\n", r"column 'text' stands twice"),
    "rare class": ("text,label\n" + "x,1\n" * 9 + "y,0\n", r"class '0' has 1 text left, too few to cut"),
    "too few texts": ("text,label\nx,1\ny,0\nz,1\nw,0\n", r"class '\d' has 1 text left, too few to cut"),
    "long label": ("text,label\nx,1\ny," + "z" * 501 + "\n", r"is no name \(over 500 characters"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_of_one_file(tmp_path: Path, name: str) -> None:
    content, words = ERRORS[name]
    path = tmp_path / "data.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=words):
        load(path)


JSONL_ERRORS = {
    "no JSON": ('{"text": "x", "label": 1}\n{"text": \n', r"line 2: not readable as JSON: .*one object a line"),
    "a list": ('["x", 1]\n', r"line 1: a JSON list; expected one object"),
    "null text": ('{"text": "x", "label": 1}\n{"text": null, "label": 0}\n', r"line 2: the text is null; fill it in"),
    "number as text": ('{"text": 5, "label": 1}\n', r"line 1: the text is 5 of type int, expected a string"),
    "null label": ('{"text": "x", "label": null}\n', r"line 1: the label is null"),
    "object as label": ('{"text": "x", "label": {}}\n', r"line 1: the label is {} of type dict"),
    "column missing later": ('{"text": "x", "label": 1}\n{"text": "y"}\n', r"line 2: no 'label'"),
    "lone surrogate": (r'{"text": "a \ud800 b", "label": 1}' + "\n", r"line 1: the text holds a lone surrogate \(.ud800\)"),
    "deep nesting": ("[" * 100_000 + "\n", r"line 1: not readable as JSON"),
    "fraction as label": ('{"text": "x", "label": 0.5}\n', r"the label is 0.5 of type float"),
}  # fmt: skip


@pytest.mark.parametrize("name", JSONL_ERRORS)
def test_errors_of_jsonl(tmp_path: Path, name: str) -> None:
    content, words = JSONL_ERRORS[name]
    path = tmp_path / "data.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=words):
        load(path)


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes("text,label\nx,1\ncafé,0\n".encode("latin-1"))
    with pytest.raises(
        DataError,
        match=r"data\.csv, line 3: byte 0xe9 is not UTF-8; find out the encoding of the file and give it as `encoding`",
    ):
        load(path)


def test_broken_parquet(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match=r"data\.parquet: not readable as Parquet"):
        load(path)


def test_null_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"text": ["x", None], "label": [0, 1]}), path)
    with pytest.raises(DataError, match=r"row 2: the text is null"):
        load(path)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("test_labels.txt", "0\n1\n", r"test_text\.txt has 30 lines but test_labels\.txt has 2"),
        ("val_labels.txt", "0\n" * 14 + "x\n", r"val_labels\.txt, line 15: 'x' is no integer label"),
        (
            "val_labels.txt",
            "0\n" * 14 + "3\n",
            r"val_text\.txt, line 15: label '3' is outside the mapping \(0 negative",
        ),
        ("val_labels.txt", "0\n" * 14 + "-1\n", r"label '-1' is outside the mapping.*unlabelled"),
        ("val_text.txt", "x\n" * 14 + "\n", r"val_text\.txt, line 15: the text is empty"),
        ("train_labels.txt", "0\n1\n" * 30, r"class 'positive' is absent from train, so no method could learn"),
        ("mapping.txt", "0 negative\n", r"mapping\.txt, line 1: '0 negative' is no mapping; expected id<TAB>name"),
        ("mapping.txt", "0\ta\n2\tb\n", r"ids \[0, 2\] are not 0 to 1"),
        ("mapping.txt", "0\ta\n1\ta\n2\tb\n", r"each with a name of its own"),
        ("mapping.txt", "0\ta\n1\tb\n2\tc\n3\td\n", r"class 'd' of the mapping is absent from train"),
    ],
)
def test_errors_of_tweeteval(tweets: Path, file: str, content: str, words: str) -> None:
    (tweets / file).write_text(content)
    with pytest.raises(DataError, match=words):
        load(tweets)


def test_missing_files_of_tweeteval(tweets: Path) -> None:
    (tweets / "mapping.txt").unlink()
    with pytest.raises(DataError, match=r"mapping\.txt: cannot be read: No such file"):
        load(tweets)


def test_tweeteval_without_train(tweets: Path) -> None:
    (tweets / "train_text.txt").unlink()
    with pytest.raises(DataError, match=r"no train split; expected train_text\.txt and train_labels\.txt"):
        load(tweets)


def test_a_rare_class_stands_in_every_part_of_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"common {i},a\n" for i in range(500)) + "r 1,b\nr 2,b\nr 3,b\n")
    assert [split.class_counts.tolist()[1] for split in load(path).splits.values()] == [1, 1, 1]


def test_no_test_split(tweets: Path) -> None:
    (tweets / "test_text.txt").unlink()
    with pytest.raises(DataError, match=r"there is no test split beside train; add one"):
        load(tweets)


def test_class_that_only_test_has(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(csv_of(many(5)))
    (tmp_path / "test.csv").write_text(csv_of([*ROWS, ("odd one", "other")]))
    with pytest.raises(DataError, match=r"test\.csv, line 5: class 'other' is absent from train"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"notes.md": "x"}, r"no train split; expected train\.csv.*it holds notes\.md"),
        ({"train.csv": csv_of(ROWS), "train.tsv": "x"}, r"train\.csv and train\.tsv are both train; remove one"),
        ({"train.csv": csv_of(ROWS), "val.csv": "x", "dev.csv": "x"}, r"dev\.csv and val\.csv are both validation"),
    ],
)
def test_errors_of_folders(tmp_path: Path, files: dict[str, str], words: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=words):
        load(tmp_path)


@pytest.mark.parametrize("address", ["no/such/file.csv", "/nowhere", "a b", "missing.parquet", "", "../x/y/z"])
def test_addresses_of_nothing(address: str) -> None:
    with pytest.raises(DataError, match=r"no file or folder '.*'; give a path that exists, a Hub data set"):
        load(address)


def test_unreachable_hub_says_what_to_do() -> None:
    with pytest.raises(DataError, match=r"'no-one/nothing'.*Hub cannot be reached.*try `dataset` demo"):
        load("no-one/nothing")


def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    os.mkfifo(path)
    with pytest.raises(DataError, match="no file or folder"):
        load(path)


def test_label_text_of_booleans_and_whole_floats(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    rows = [{"text": f"t {i}", "label": float(i % 2)} for i in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert load(path).label_names == ("0", "1")


def test_split_rejects_unequal_lengths() -> None:
    from featx.data import Split

    with pytest.raises(ValueError, match="2 texts but 1 labels"):
        Split(["a", "b"], np.array([0]), ("x", "y"))


def test_windows_lines_give_the_same_data(tweets: Path) -> None:
    before = load(tweets)
    for path in tweets.glob("*.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    after = load(tweets)
    assert [split.digest for split in after.splits.values()] == [split.digest for split in before.splits.values()]


def test_shards_of_the_hub(tmp_path: Path) -> None:
    texts = [f"text {k}" for k in range(40)]
    for k in range(4):
        rows = slice(10 * k, 10 * k + 10)
        table = pa.table({"text": texts[rows], "label": [row % 2 for row in range(10)]})
        pq.write_table(table, tmp_path / f"train-0000{k}-of-00004-a09b74b3ef9c3b5{k}.parquet")
    pq.write_table(table, tmp_path / "test-00000-of-00001.parquet")
    assert sorted([*load(tmp_path).train.texts, *load(tmp_path).validation.texts]) == sorted(texts)
    (tmp_path / "train-00002-of-00004-a09b74b3ef9c3b52.parquet").unlink()
    with pytest.raises(DataError, match="is one of 4 files of train, but 3 are there; expected each of them once"):
        load(tmp_path)


def test_folders_named_for_their_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "0000.csv").write_text(csv_of(many(5)))
        (tmp_path / split / "0001.csv").write_text(csv_of([(f"{text} more", label) for text, label in many(5)]))
    (tmp_path / "train" / "0001.csv").write_text("text,label\nx,\n")
    with pytest.raises(DataError, match=r"0001\.csv, line 2: the label is empty"):
        load(tmp_path)
    (tmp_path / "train" / "0001.csv").write_text("text,label\nx,neutral\n")
    assert [len(split) for split in load(tmp_path).splits.values()] == [13, 3, 30]


def test_two_mappings_that_differ(tmp_path: Path) -> None:
    for split, names in (("train", ["a", "b"]), ("test", ["b", "a"])):
        features = {"label": {"names": names, "_type": "ClassLabel"}}
        table = pa.table({"text": [f"t {k}" for k in range(20)], "label": [k % 2 for k in range(20)]})
        stated = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        pq.write_table(stated, tmp_path / f"{split}.parquet")
    with pytest.raises(DataError, match="state different label names"):
        load(tmp_path)
    pq.write_table(table, tmp_path / "test.parquet")
    assert load(tmp_path).label_names == ("a", "b")
