"""No row is ever lost to a quotation mark: all rows, or an error that names the line."""

from __future__ import annotations

import csv
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featx.data import load_dataset
from featx.data.formats import ReadOptions
from featx.data.streams import stream_texts
from featx.data.tables import read_table
from featx.errors import DataError
from featx.settings import DataSettings, Quoting

PLAIN = [(f"the soup is good, number {k}", ("ham", "spam")[k % 2]) for k in range(30)]


def unquoted(rows: list[tuple[str, ...]], header: str = "text\tlabel") -> str:
    return "\n".join([header, *("\t".join(row) for row in rows)]) + "\n"


def with_texts(changed: dict[int, str]) -> list[tuple[str, str]]:
    return [(changed.get(k, text), label) for k, (text, label) in enumerate(PLAIN)]


@pytest.mark.parametrize(
    "changed",
    [
        {4: '"Never again', 8: 'a screen of 6"'},
        {4: '"Never again', 5: 'a screen of 6"'},
        {0: '"first', 29: 'last"'},
        {4: '"Never again'},
        {4: '"a" b'},
        {4: '"opens', 9: '"opens again', 12: 'ends"'},
        {29: '"'},
        {3: '6" and 7"', 6: '"So" he said'},
    ],
)
def test_rows_with_stray_marks_are_all_there(tmp_path: Path, changed: dict[int, str]) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(unquoted(with_texts(changed)))
    expected = pd.read_csv(path, sep="\t", quoting=3)["text"].tolist()
    raw = read_table(path)
    assert list(raw.texts) == expected
    assert list(stream_texts(path)) == expected
    assert "quotation marks are read as part of the texts" in raw.notes[0]
    assert list(read_table(path, ReadOptions(quoting=Quoting.OFF)).texts) == expected


def test_marks_where_there_are_quoted_cells_too_are_an_error_that_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(unquoted(with_texts({1: '"quoted"', 4: '"Never again', 8: 'a screen of 6"'})))
    for read in (read_table, lambda path: list(stream_texts(path))):
        with pytest.raises(
            DataError, match=r"a\.tsv, line 6: a quoted cell goes on to line 10, .*set `quoting` to off"
        ):
            read(path)
    raw = read_table(path, ReadOptions(quoting=Quoting.OFF))
    assert len(raw.texts) == 30
    assert raw.texts[1] == '"quoted"'
    assert len(read_table(path, ReadOptions(quoting=Quoting.ON)).texts) == 26


@pytest.mark.parametrize("content", ['text,label\nx,1\n"y,0\nz,1\n', 'text,label\nx,1\n"y" z,0\n"a, b",1\n'])
def test_marks_of_csv_that_do_not_match_name_the_line_where_they_open(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=r"a\.csv, line 3: not readable as CSV: .*`quoting` to off"):
        read_table(path)


def test_ids_tell_rows_where_there_are_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "new.tsv"
    lines = [f"{k}\tsome text {k}" for k in range(20)]
    lines[5], lines[9] = '5\t"some', '9\ttext"'
    path.write_text("\n".join(["id\ttext", *lines]))
    assert len(list(stream_texts(path))) == 20


def test_reviews_over_several_lines_are_one_row_each(tmp_path: Path) -> None:
    """Quoted cells that look like rows by their commas alone: the labels are not those of the file."""
    reviews = ["Dear sir,\nI liked it, really\nbye", "one\ntwo, three", "x,\ny,\nz", 'so "good"\n\nit is', "a\r\nb"]
    rows = [(f"{reviews[k % 5]} {k}", str(k % 2)) for k in range(40)]
    for suffix, delimiter in ((".csv", ","), (".tsv", "\t")):
        path = tmp_path / f"a{suffix}"
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([("text", "label"), *rows])
        assert list(read_table(path).texts) == [text for text, _ in rows]
        assert list(stream_texts(path)) == [text for text, _ in rows]


CLASSES = [*["a"] * 25, *["b"] * 18, "b", *["c"] * 4, "b", *["d"] * 11]


@pytest.mark.parametrize(
    ("name", "content", "n_rows"),
    [
        ("a.tsv", 'text\tid\n"the bus\t1\nlate\t2\nawful"\t3\ngood\t4\n', 4),
        ("a.csv", 'id,text\n1,"the bus\n2,late\n3,awful"\n4,good\n', 4),
        ("a.csv", 'id,text\n1,"the bus\n\n3,awful"\n4,good\n', 3),
        ("a.csv", 'id,note,text\na,"x, y","the bus\nb,n,late\nc,"x, y",awful\nd,n,good"\n', 0),
        (
            "a.tsv",
            "label\ttext\n"
            + "".join(
                f"{label}\t{chr(34) * (k == 43)}text {k}{chr(34) * (k == 48)}\n" for k, label in enumerate(CLASSES)
            ),
            60,
        ),
    ],
)
def test_rows_of_a_kind_of_their_own_are_not_swallowed(tmp_path: Path, name: str, content: str, n_rows: int) -> None:
    """Few rows else, or a class that no other row has, say nothing against rows: all of them, or an error."""
    path = tmp_path / name
    path.write_text(content)
    if n_rows:
        assert len(list(stream_texts(path))) == n_rows
    else:
        with pytest.raises(DataError, match=r"a\.csv, line \d: .*`quoting` to off"):
            list(stream_texts(path))


@pytest.mark.parametrize(("suffix", "delimiter"), [(".tsv", "\t"), (".csv", ",")])
def test_quoted_cells_elsewhere_and_unique_ids_hide_no_rows(tmp_path: Path, suffix: str, delimiter: str) -> None:
    rows = [[f"u{k:03d}x", f"text number {k}"] for k in range(40)]
    rows[3][1], rows[20][1], rows[23][1] = '"x"', '"' + rows[20][1], rows[23][1] + '"'
    path = tmp_path / f"a{suffix}"
    path.write_text("\n".join(map(delimiter.join, [["id", "text"], *rows])))
    with pytest.raises(DataError, match=r"line 22: a quoted cell goes on to line 25, .* or to on if it is one cell"):
        list(stream_texts(path))
    assert len(list(stream_texts(path, options=ReadOptions(quoting=Quoting.OFF)))) == 40


@pytest.mark.parametrize("label_first", [False, True])
def test_sentences_over_several_lines_beside_labels_in_words(tmp_path: Path, label_first: bool) -> None:
    """Their lines have the commas of a row, but a blank behind each."""
    texts = [f"text {k}" if k % 9 else f"Dear sir, hello\nI liked it, really\nit {k}" for k in range(40)]
    path = tmp_path / "a.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [label, text] if label_first else [text, label]
            for text, label in zip(["text", *texts], ["label", *["good", "bad"] * 20], strict=True)
        )
    assert list(read_table(path).texts) == texts


LINES = st.lists(st.text(st.sampled_from('ab ,\n"'), min_size=1, max_size=8).filter(str.strip), min_size=4, max_size=30)


@given(LINES)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_what_csv_writes_is_read_back_or_said(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """With a column that tells rows from lines of a text, nothing that is written properly is in doubt."""
    path = tmp_path_factory.getbasetemp() / "law.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("id", "text", "label"), *((k, t, "yes") for k, t in enumerate(texts))])
    assert list(read_table(path).texts) == texts


@given(st.lists(st.text(st.sampled_from('ab "'), min_size=1, max_size=6).filter(str.strip), min_size=4, max_size=30))
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_lines_without_quoting_are_all_there_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "law.tsv"
    path.write_text(unquoted([(text, ("ham", "spam")[k % 2]) for k, text in enumerate(texts)]))
    with suppress(DataError):
        assert len(read_table(path).texts) == len(texts)


def test_the_setting_reaches_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "text,label\n" + "".join(f'"{text.split(",")[0]} {k}",{label}\n' for k, (text, label) in enumerate(PLAIN))
    )
    assert load_dataset(DataSettings(str(path))).train.texts[0].startswith("the soup")
    assert load_dataset(DataSettings(str(path), quoting="off")).train.texts[0].startswith('"the soup')
