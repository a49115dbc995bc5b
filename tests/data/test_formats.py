"""The one table of formats: what is read, streamed and written, compressed or not, is the same everywhere."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import sys
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featx.data import load_dataset
from featx.data.formats import FORMATS, ReadOptions, find_format, open_table, suffixes, writer_of
from featx.data.streams import count_rows, stream_texts
from featx.data.tables import read_table
from featx.errors import DataError
from featx.settings import DataSettings

ROWS = [{"id": k, "text": f'good, "day"\n{k} é', "label": ("ham", "spam")[k % 2]} for k in range(40)]
WRITABLE = sorted(suffix for suffix, one in FORMATS.items() if one.write)
COMPRESSED = [".csv.gz", ".tsv.bz2", ".jsonl.xz", ".json.zip", ".ndjson.zst", ".csv.zst", ".csv.zip"]


def write(path: Path, rows: list[dict[str, Any]], escape_formulas: bool = False) -> Path:
    """Write rows as predictions are written, in two batches."""
    with path.open("wb") as file, writer_of(file, path, escape_formulas) as writer:
        writer.write(rows[: len(rows) // 2])
        writer.write(rows[len(rows) // 2 :])
    return path


@pytest.mark.parametrize("suffix", [*WRITABLE, *COMPRESSED])
def test_what_is_written_is_read_and_streamed(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"rows{suffix}", ROWS)
    raw = read_table(path)
    assert list(raw.texts) == [row["text"] for row in ROWS]
    assert list(raw.labels) == [row["label"] for row in ROWS]
    assert list(stream_texts(path)) == list(raw.texts)
    assert (count_rows(path) or len(ROWS)) >= len(ROWS)


def test_every_format_gives_the_same_digests(tmp_path: Path) -> None:
    made = {suffix: load_dataset(DataSettings(str(write(tmp_path / f"x{suffix}", ROWS)))) for suffix in WRITABLE}
    assert len({tuple(split.digest for split in one.splits.values()) for one in made.values()}) == 1


@pytest.mark.parametrize(("name", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_files_that_others_compressed(tmp_path: Path, name: str, compress: Any) -> None:
    path = tmp_path / f"a.csv.{name}"
    path.write_bytes(compress(b"text,label\n") + compress("é,1\n".encode()))  # members one after the other
    assert list(stream_texts(path)) == ["é"]
    assert pd.read_csv(path)["text"].tolist() == ["é"]
    path.write_bytes(compress(b"text,label\nx,1\n")[:-9])
    with pytest.raises(DataError, match=rf"a\.csv\.{name}: not readable as \.{name}: .*damaged"):
        list(stream_texts(path))
    path.write_bytes(b"text,label\nx,1\n")
    with pytest.raises(DataError, match=rf"not readable as \.{name}"):
        list(stream_texts(path))


def test_zip_with_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/inner.csv", "text\nx\n")
        archive.writestr("__MACOSX/._inner.csv", "junk")
    assert list(stream_texts(path)) == ["x"]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.csv", "text\ny\n")
    with pytest.raises(DataError, match="holds 2 files, expected one"):
        list(stream_texts(path))


def test_what_pandas_and_pyarrow_write(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a b", "c\nd", "é"], "label": [0, 1, 1]})
    frame.to_json(tmp_path / "records.json", orient="records")
    frame.to_json(tmp_path / "columns.json")
    frame.to_json(tmp_path / "lines.json", orient="records", lines=True)
    (tmp_path / "lists.json").write_text(json.dumps(frame.to_dict("list")))
    (tmp_path / "data.json").write_text(json.dumps({"data": frame.to_dict("records")}))
    frame.to_csv(tmp_path / "index.csv")
    frame.to_csv(tmp_path / "tabs.tsv", sep="\t", index=False)
    frame.to_excel(tmp_path / "sheet.xlsx", index=False)
    frame.to_feather(tmp_path / "a.feather")
    frame.to_parquet(tmp_path / "a.parquet")
    with (tmp_path / "a.arrow").open("wb") as file, pa.ipc.new_stream(file, pa.Table.from_pandas(frame).schema) as out:
        out.write_table(pa.Table.from_pandas(frame))
    for path in sorted(tmp_path.iterdir()):
        raw = read_table(path)
        assert list(raw.texts) == ["a b", "c\nd", "é"], path
        assert [str(label) for label in raw.labels] == ["0", "1", "1"], path


def test_unknown_suffixes_list_the_known_ones_on_both_sides(tmp_path: Path) -> None:
    for name in ("a.doc", "a", "a.csv.rar", "a.parquet.gz", "a.gz"):
        path = tmp_path / name
        path.write_text("text,label\nx,1\n")
        for read in (read_table, lambda path: list(stream_texts(path))):
            with pytest.raises(DataError, match=r"is unknown; expected one of: .*\.csv, .*\.json, .*\.parquet, .*\.gz"):
                read(path)
    (tmp_path / "a.txt").write_text("one\r\ntwo\r\n\r\n")
    assert list(stream_texts(tmp_path / "a.txt")) == ["one", "two"]
    with pytest.raises(DataError, match=r"suffix '\.txt' is unknown"):
        read_table(tmp_path / "a.txt")


def test_brackets_of_json_are_never_labelled_as_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[\n  {"text": "x"},\n  {"text": "y"}\n]\n')
    assert list(stream_texts(tmp_path / "a.json")) == ["x", "y"]
    (tmp_path / "a.ndjson").write_text('{"text": "x"}\r\n{"text": "y"}')
    assert list(stream_texts(tmp_path / "a.ndjson")) == ["x", "y"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("[]", "the array is empty"),
        ("[1]", "row 1: a JSON int"),
        ("5", "a JSON int; expected an array of objects"),
        ("[{", "not readable as JSON"),
        ('{"text": ["a"], "label": []}', "its columns have 0, 1 rows"),
        ('{"text": {"0": "a"}, "label": {"1": "b"}}', "its columns have different rows"),
        ('[{"text": "a", "label": 1}, 2, {"text": "a"}]', r"row 2: a JSON int; .*row 3: no 'label'"),
    ],
)
def test_errors_of_json(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(DataError, match=words):
        load_dataset(DataSettings(str(path)))


def test_excel_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.xlsx", ROWS)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"need the package openpyxl; install it with: pip install 'featx\[excel\]'"):
        read_table(path)


def test_excel_keeps_texts_as_texts(tmp_path: Path) -> None:
    texts = ["=1+1", "00123", "2020-01-01", "_x0041_", "a\rb\r\nc\x0bd", "'x", " y "]
    path = write(tmp_path / "a.xlsx", [{"text": text, "label": "1"} for text in texts])
    assert list(stream_texts(path)) == texts
    import openpyxl

    assert {cell.data_type for cell in openpyxl.load_workbook(path).worksheets[0]["A"]} == {"s"}
    with pytest.raises(DataError, match=r"a cell of \.xlsx holds 32,767"):
        write(tmp_path / "b.xlsx", [{"text": "x" * 40_000}])


def test_a_new_format_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from featx.data.formats.table import Format, Table

    def read(source: Any, _: ReadOptions) -> Table:
        with source.open() as file:
            cells = file.read().decode().split("!")
        return Table(str(source), ("text",), lambda columns: iter([(n, [cell]) for n, cell in enumerate(cells, 1)]))

    monkeypatch.setitem(FORMATS, ".bang", Format("bang", (".bang",), read))
    (tmp_path / "a.bang").write_text("x!y")
    assert list(stream_texts(tmp_path / "a.bang")) == ["x", "y"]
    assert ".bang" in suffixes()
    assert ".bang" not in suffixes(writable=True)


def test_every_suffix_is_found_in_any_case() -> None:
    for suffix in FORMATS:
        assert find_format(Path(f"A{suffix.upper()}")) == (FORMATS[suffix], None)
    assert find_format(Path("A.CSV.GZ")) == (FORMATS[".csv"], ".gz")


# CSV and TSV that are written come back, by any reader


def rows_of(path: Path, delimiter: str) -> tuple[list[list[str]], list[list[str]], list[list[str]]]:
    """Cells by csv, by pandas and by featx."""
    with path.open(newline="", encoding="utf-8") as file:
        by_csv = list(csv.reader(file, delimiter=delimiter, strict=True))
    frame = pd.read_csv(path, sep=delimiter, dtype=str, keep_default_na=False)
    table = open_table(path, ReadOptions())
    by_featx = [list(map(str, values)) for _, values in table.rows(range(len(table.columns)))]
    return by_csv[1:], frame.to_numpy().tolist(), by_featx


def check_round_trip(path: Path, cells: list[str]) -> None:
    delimiter = "," if path.suffix == ".csv" else "\t"
    rows = [{"row": k, "text": cell, "other": cell, "label": "x"} for k, cell in enumerate(cells)]
    write(path, rows)
    kept = [
        [str(row["row"]), *[cell.replace("\0", "\ufffd") for cell in (row["text"], row["other"])], "x"] for row in rows
    ]
    for read in rows_of(path, delimiter):
        assert read == kept


CODE_POINTS = [chr(point) for point in [*range(0x3000), 0xFEFF, 0xFFFD, 0xFFFF, 0x1F600, 0x10FFFF]]


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize("form", ["{}", "a{}b", "{}a", "a{}"])
def test_every_character_comes_back(tmp_path: Path, suffix: str, form: str) -> None:
    check_round_trip(tmp_path / f"a{suffix}", [form.format(one) for one in CODE_POINTS])


TEXTS = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\",\t\r\n'=;# \ufeff")), max_size=12)


@given(st.sampled_from([".csv", ".tsv"]), st.lists(TEXTS, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_every_text_comes_back(tmp_path_factory: pytest.TempPathFactory, suffix: str, cells: list[str]) -> None:
    check_round_trip(tmp_path_factory.getbasetemp() / f"law{suffix}", cells)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz"])
def test_formulas_are_stopped_and_numbers_are_not(tmp_path: Path, suffix: str) -> None:
    cells = ["=1+1", "+1+1", "-x", "@SUM(A1)", "\tx", "\r=1", "-5", "+3.25", "a=1", "'x", "", -0.5]
    path = write(tmp_path / f"a{suffix}", [{"text": cell, "label": 1} for cell in cells], escape_formulas=True)
    frame = pd.read_csv(path, sep="\t" if ".tsv" in suffix else ",", dtype=str, keep_default_na=False)
    assert frame["text"].tolist() == [
        "'=1+1", "'+1+1", "'-x", "'@SUM(A1)", "'\tx", "'\r=1", "-5", "+3.25", "a=1", "'x", "", "-0.5",
    ]  # fmt: skip
    write(path, [{"text": cell, "label": 1} for cell in cells])
    assert "'=" not in io.BytesIO(path.read_bytes()).getvalue().decode("utf-8", "ignore")


def test_pq_suffix(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x"], "label": [1]}), tmp_path / "a.pq")
    assert list(stream_texts(tmp_path / "a.pq")) == ["x"]
