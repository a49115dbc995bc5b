"""Prediction from files: the numbers of the run's own test predictions, whatever the format; files whole or absent."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny import write_tweeteval

from featx.data.streams import check_blank, count_rows, stream_rows, stream_texts
from featx.errors import DataError, FeatxError, SettingsError
from featx.experiment.context import Context
from featx.experiment.predict import NewText, check_output, predict_batches, predict_file
from featx.experiment.prediction_files import prediction_file
from featx.experiment.workspace import Workspace
from featx.prediction import Prediction, Predictor
from featx.session import Session
from featx.settings import OnBlank

METHODS = ("tfidf-logreg", "logreg", "finetune")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("predict")
    workspace = Workspace(folder / "results", "x", folder / "cache")
    session = Session(write_tweeteval(folder / "tweets"), tiny, workspace=workspace)
    runs = [*session.baseline(methods="tfidf-logreg,logreg")]
    runs += session.finetune(num_train_epochs=1, learning_rate=3e-3, per_device_train_batch_size=8)
    texts = (folder / "tweets" / "test_text.txt").read_text().split("\n")
    return {"runs": {run.record.method: run for run in runs}, "texts": texts, "context": Context(workspace=workspace)}


def write_input(path: Path, texts: list[str]) -> Path:
    kind = path.suffix
    if kind == ".parquet":
        pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), path)
    elif kind == ".jsonl":
        path.write_text("".join(json.dumps({"text": text, "id": k}) + "\n" for k, text in enumerate(texts)))
    elif kind in (".csv", ".tsv"):
        with path.open("w", newline="") as file:
            writer = csv.writer(file, delimiter="," if kind == ".csv" else "\t")
            writer.writerows([["id", "text"], *([k, text] for k, text in enumerate(texts))])
    else:
        path.write_text("\n".join(texts))
    return path


def read_output(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="," if path.suffix == ".csv" else "\t"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("source", "target"), [("in.csv", "o.jsonl"), ("in.parquet", "o.parquet"), ("in.txt", "o.tsv")]
)
def test_files_hold_the_test_predictions_of_the_run(
    made: dict[str, Any], tmp_path: Path, method: str, source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("featx.prediction.Predictor.batches.__defaults__", (7,))
    run, texts = made["runs"][method], made["texts"]
    path = write_input(tmp_path / source, texts)
    n = predict_file(made["context"], run.folder, stream_texts(path), tmp_path / "deep" / target)
    rows = read_output(tmp_path / "deep" / target)
    assert n == len(rows) == len(texts)
    assert [row["text"] for row in rows] == texts
    assert [int(row["row"]) for row in rows] == list(range(n))
    stored, names = run.predictions["test"], run.record.label_names
    assert [row["label"] for row in rows] == [names[k] for k in stored.y_pred]
    scores = np.array([[float(row[f"score_{name}"]) for name in names] for row in rows])
    assert np.allclose(scores, stored.y_score, atol=1e-6)


def test_texts_come_and_go_in_batches() -> None:
    class Record:
        label_names = ("a", "b")

    class Run:
        record = Record()

    sizes: list[int] = []

    def classify(texts: Any) -> Any:
        sizes.append(len(texts))
        return np.tile([0.25, 0.75], (len(texts), 1))

    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        for k in range(25):
            taken += 1
            yield f"text {k}" if k != 23 else " "

    batches = Predictor(Run(), classify).batches(texts(), 10)
    first = next(batches)
    assert taken == 10, "no more is read than a batch takes"
    assert [prediction.text for prediction in first] == [f"text {k}" for k in range(10)]
    next(batches)
    with pytest.raises(DataError, match="text 24 is empty"):
        next(batches)
    assert sizes == [10, 10]


def test_an_error_on_the_way_leaves_the_old_output(made: dict[str, Any], tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("old")
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "good"}\n{"text": null}\n')
    with pytest.raises(DataError, match=r"in\.jsonl, line 2: the text is null"):
        predict_file(made["context"], made["runs"]["tfidf-logreg"].folder, stream_texts(path), output)
    assert output.read_text() == "old"
    assert {p.name for p in tmp_path.iterdir()} == {"out.csv", "in.jsonl"}


def test_no_texts(made: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text\n")
    with pytest.raises(DataError, match="no texts to label"):
        predict_file(made["context"], made["runs"]["tfidf-logreg"].folder, stream_texts(path), tmp_path / "o.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]
    with pytest.raises(DataError, match="no texts to label"):
        list(predict_batches(made["context"], made["runs"]["tfidf-logreg"].folder, []))


def test_a_run_without_a_model(made: dict[str, Any], tmp_path: Path) -> None:
    from made_runs import make_run

    run = make_run(tmp_path, "logreg")
    with pytest.raises(FeatxError, match=r"was saved without a model, so it cannot predict; run the method again"):
        list(predict_batches(made["context"], run.folder, ["a"]))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"label,words\n1,x\n", r"a\.csv: no text column \(text, .*\); it has 'label', 'words'; name yours with"),
        ("a.csv", b"text,b\n1,x\n2\n", r"a\.csv, line 3: 1 cells, but the header has 2"),
        ("a.csv", b'text\n"x\n', r"a\.csv, line 2: not readable as CSV"),
        ("a.csv", b"text\nx\n\xff\n", r"a\.csv, line 3: byte 0xff is not UTF-8"),
        ("a.csv", b'text\nx\n""\n', r"a\.csv, line 3: the text is empty"),
        ("a.csv", b"", r"a\.csv: the file is empty"),
        ("a.tsv", b"text\tb\nx\n", r"a\.tsv, line 2: 1 cells"),
        ("a.jsonl", b'{"text": "x"}\n[1]\n', r"a\.jsonl, line 2: a JSON list; expected one object a line"),
        ("a.jsonl", b'{"text": "x"}\n{"b": 1}\n', r"a\.jsonl, line 2: no 'text'"),
        ("a.jsonl", b'{"text": 5}\n', r"a\.jsonl, line 1: the text is 5 of type int, expected a string"),
        ("a.jsonl", b"{\n", r"a\.jsonl, line 1: not readable as JSON"),
        ("a.jsonl", b'{"text": "\\ud800"}\n', r"a\.jsonl, line 1: the text holds a lone surrogate"),
        ("a.parquet", b"PAR1", r"a\.parquet: not readable as Parquet"),
        ("a.txt", b"x\n\xc3\n", r"a\.txt, line 2: byte 0xc3 is not UTF-8"),
        ("none.csv", None, r"none\.csv: cannot be read: No such file"),
    ],
)  # fmt: skip
def test_wrong_inputs_name_file_and_row(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        list(stream_texts(tmp_path / name))


def test_streams_read_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbfid,TEXT\r\n1,"a\r\nb, c"\r\n\r\n2,d\r\n')
    assert list(stream_texts(tmp_path / "a.csv")) == ["a\r\nb, c", "d"]
    (tmp_path / "a.txt").write_bytes("\ufeffone\ntwo\u2028three\n\n  \n".encode())
    assert list(stream_texts(tmp_path / "a.txt")) == ["one", "two\u2028three"]
    (tmp_path / "b.jsonl").write_text('\n{"body": "x", "text": "y"}\n')
    assert list(stream_texts(tmp_path / "b.jsonl", "body")) == ["x"]
    assert list(stream_texts(tmp_path / "b.jsonl")) == ["y"]
    assert count_rows(tmp_path / "a.txt") == 5
    (tmp_path / "b.txt").write_bytes(b"one\n\n  \ntwo\n")
    with pytest.raises(DataError, match=r"b\.txt: 2 of 4 rows have no text, the first is line 2; give `on_blank` skip"):
        check_blank(tmp_path / "b.txt")
    rows = list(stream_rows(tmp_path / "b.txt", on_blank=OnBlank.SKIP))
    assert [(row.row, row.text) for row in rows] == [(0, "one"), (3, "two")]
    rows = list(stream_rows(tmp_path / "b.txt", on_blank=OnBlank.EMPTY))
    assert [(row.row, row.text) for row in rows] == [(0, "one"), (1, ""), (2, ""), (3, "two")]
    assert count_rows(tmp_path / "none") is None
    assert count_rows(write_input(tmp_path / "n.parquet", ["a"] * 9)) == 9


def test_names_of_outputs_are_checked_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"expected a name that ends in one of: \.arrow, \.csv, .*\.jsonl, .*\.parquet"
    ):
        check_output(tmp_path / "out.docx", None)
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(SettingsError, match="is a folder"):
        check_output(tmp_path / "d.csv", None)
    with pytest.raises(SettingsError, match="is the input itself"):
        check_output(tmp_path / "in.csv", tmp_path / "." / "in.csv")


@pytest.mark.parametrize("name", ["o.csv.gz", "o.tsv", "o.json", "o.ndjson.zst", "o.feather", "o.xlsx"])
def test_outputs_of_every_format_are_read_back(made: dict[str, Any], tmp_path: Path, name: str) -> None:
    texts = ["=1+1", "a\rb", '"quoted", and\tmore', "-5", "good \u2028 day", "@user hi"]
    path = write_input(tmp_path / "in.jsonl", texts)
    run = made["runs"]["tfidf-logreg"]
    n = predict_file(made["context"], run.folder, stream_texts(path), tmp_path / name, escape_formulas=False)
    assert n == len(texts)
    assert list(stream_texts(tmp_path / name)) == texts
    predict_file(made["context"], run.folder, stream_texts(path), tmp_path / name)
    shown = list(stream_texts(tmp_path / name))
    if ".csv" in name or ".tsv" in name:
        assert shown == ["'=1+1", "a\rb", '"quoted", and\tmore', "-5", "good \u2028 day", "'@user hi"]
    else:
        assert shown == texts


def test_a_row_is_labelled_for_each_line_whatever_its_marks(made: dict[str, Any], tmp_path: Path) -> None:
    """Through the command line, options of reading and writing included."""
    from click.testing import CliRunner

    from featx.cli.group import cli

    lines = [f"text {k}" for k in range(20)]
    lines[4], lines[8] = '"opens', 'closes"'
    path = tmp_path / "in.tsv"
    path.write_bytes("\r\n".join(["id\ttext", *(f"{k}\t{line}" for k, line in enumerate(lines))]).encode("utf-16"))
    run, output = made["runs"]["tfidf-logreg"].folder, tmp_path / "o.csv"
    done = CliRunner().invoke(cli, ["predict", str(run), "--input", str(path), "--output", str(output), "--quiet"])
    assert done.exit_code == 0, done.output
    assert [row["text"] for row in read_output(output)] == lines
    path.write_text("first;café\nsecond;=2\n", "latin-1")
    options = ["--encoding", "latin-1", "--no-header", "--delimiter", ";", "--text-column", "1", "--no-escape-formulas"]
    arguments = ["predict", str(run), "--input", str(path), "--output", str(output), "--quiet", *options]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    assert [row["text"] for row in read_output(output)] == ["café", "=2"]


def test_rows_without_a_text(made: dict[str, Any], tmp_path: Path) -> None:
    """Found before the work; left out or kept on demand, under the row numbers of the file, other columns with them."""
    from click.testing import CliRunner

    from featx.cli.group import cli

    path, output = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("id,text,label\nc1, ,old\nc2,good day,old\nc3,,new\nc4,bad bus,new\n")
    run = str(made["runs"]["tfidf-logreg"].folder)
    arguments = ["predict", run, "--input", str(path), "--output", str(output), "--quiet"]
    with pytest.raises(DataError, match=r"in\.csv: 2 of 4 rows have no text, the first is line 2"):
        CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
    assert not output.exists()
    for policy, rows in (("skip", [1, 3]), ("empty", [0, 1, 2, 3])):
        done = CliRunner().invoke(cli, [*arguments, "--on-blank", policy], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        found = read_output(output)
        assert [int(row["row"]) for row in found] == rows
        assert [row["id"] for row in found] == [f"c{at + 1}" for at in rows]
        assert [row["input_label"] for row in found] == [["old", "old", "new", "new"][at] for at in rows]
        for at, row in zip(rows, found, strict=True):
            assert bool(row["label"]) == bool(row["score_negative"]) == (at in (1, 3))


@pytest.mark.parametrize("name", ["o.jsonl", "o.parquet", "o.csv"])
def test_blank_rows_first_hold_the_columns_of_all(tmp_path: Path, name: str) -> None:
    new = [NewText(at, "" if at < 3 else "words", {"id": at}) for at in range(5)]
    labelled = [(one, Prediction(one.text, "a", {"a": 1.0}) if one.text else Prediction("", "", None)) for one in new]
    with prediction_file(tmp_path / name) as write:
        for at in range(0, 5, 2):
            write(labelled[at : at + 2])
    rows = read_output(tmp_path / name)
    assert [list(row) for row in rows] == [["row", "id", "text", "label", "score_a"]] * 5
    assert [row["score_a"] in (None, "") for row in rows] == [True, True, True, False, False]


def carried_through(path: Path, carried: list[dict[str, Any]], batch: int = 2) -> list[dict[str, Any]]:
    labelled = [
        (NewText(at, f"text {at}", one), Prediction(f"text {at}", "a", {"a": 1.0})) for at, one in enumerate(carried)
    ]
    with prediction_file(path) as write:
        for at in range(0, len(labelled), batch):
            write(labelled[at : at + batch])
    return read_output(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.jsonl", '{"text": "a", "x": 1}\n{"text": "b"}\n{"text": "c", "x": 3, "late": "z"}\n'),
        ("in.json", '[{"text": "a", "x": 1}, {"text": "b"}, {"text": "c", "x": 3, "late": "z"}]'),
    ],
)
def test_keys_that_some_rows_lack_are_carried_empty(
    made: dict[str, Any], tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    for output, none in (("o.jsonl", None), ("o.csv", ""), ("o.parquet", None)):
        run = made["runs"]["tfidf-logreg"].folder
        predict_file(made["context"], run, stream_rows(tmp_path / name), tmp_path / output)
        rows = read_output(tmp_path / output)
        assert [str(row["x"]) for row in rows] == ["1", str(none), "3"]
        assert [row["late"] for row in rows] == [none, none, "z"]


def test_columns_without_a_name_of_their_own_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,id,id,,label,input_label\na,1,2,3,4,5\n")
    (new,) = stream_rows(tmp_path / "in.csv")
    assert new.carried == {"id": "1", "id_2": "2", "column_4": "3", "label": "4", "input_label": "5"}
    (row,) = carried_through(tmp_path / "o.csv", [dict(new.carried)])
    assert (row["input_label"], row["input_label_2"]) == ("4", "5")


ODD = {
    "when": datetime.datetime(2024, 5, 1, 12),
    "price": Decimal("1.50"),
    "raw": b"ab\xff",
    "nan": float("nan"),
    "nested": {"inf": [float("inf"), Decimal("2")]},
    "big": 2**70,
    "none": {},
    "surrogate": "a\ud800",
}


@pytest.mark.parametrize("name", ["o.jsonl", "o.json", "o.parquet", "o.feather", "o.csv", "o.xlsx"])
def test_values_that_a_format_has_not_are_written_as_text(tmp_path: Path, name: str) -> None:
    mixed = [{"mixed": 1}, {"mixed": 2}, {"mixed": "b"}, {"mixed": {"k": 1}}, {"mixed": None}, {"mixed": 7}]
    if name in ("o.jsonl", "o.parquet", "o.csv"):
        rows = carried_through(tmp_path / name, [ODD | one for one in mixed])
        assert [str(row["text"]) for row in rows] == [f"text {at}" for at in range(6)]
        assert [str(row["mixed"]) for row in rows][:3] == ["1", "2", "b"]
        assert str(rows[5]["mixed"]) == "7"
        assert {str(row["price"]) for row in rows} == {"1.50"}
        assert {str(row["big"]) for row in rows} == {str(2**70)}
        if name == "o.jsonl":
            assert rows[0]["nan"] is None
            assert rows[0]["nested"] == {"inf": [None, "2"]}
            assert rows[0]["raw"] == "ab\\xff"
            assert rows[0]["surrogate"] == "a\\ud800"
        return
    labelled = [(NewText(at, "words", ODD | one), Prediction("words", "a", {"a": 1.0})) for at, one in enumerate(mixed)]
    with prediction_file(tmp_path / name) as write:
        for at in range(0, 6, 2):
            write(labelled[at : at + 2])
    assert len(list(stream_rows(tmp_path / name))) == 6
