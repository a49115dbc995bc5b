"""What others send: pipes, devices, bombs and endless headers end in one line, soon, and in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import resource
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from featx.data import load_dataset
from featx.data.streams import stream_texts
from featx.data.tables import read_table
from featx.errors import DataError
from featx.settings import DataSettings

#: Of computing: nothing here waits, and the machine may be busy.
SECONDS = 10


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    start = time.process_time()
    yield
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.arrow", "a.xlsx", "a.json", "a.csv.gz", "a.txt"])
def test_named_pipes_are_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name} is a named pipe, not a file"):
        list(stream_texts(tmp_path / name))


def test_pipes_and_sockets_in_folders(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.csv")
    with pytest.raises(DataError, match="is a named pipe"):
        load_dataset(DataSettings(str(tmp_path)))
    os.mkfifo(tmp_path / "train_text.txt")
    (tmp_path / "mapping.txt").write_text("0\ta\n1\tb\n")
    with pytest.raises(DataError, match="is a named pipe"):
        load_dataset(DataSettings(str(tmp_path)))
    with socket.socket(socket.AF_UNIX) as bound:
        os.chdir(tmp_path)  # the path of a socket is short
        bound.bind("s.csv")
        with pytest.raises(DataError, match=r"cannot be read|is a socket"):
            list(stream_texts(tmp_path / "s.csv"))


def test_devices_and_folders_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is a device, not a file"):
        list(stream_texts(tmp_path / "zero.csv"))
    with pytest.raises(DataError, match="is a folder, not a file"):
        list(stream_texts(tmp_path / "folder.csv"))


ROW = b"a text of some length,1\n"
BOMBS = {
    "a.csv.gz": lambda data: gzip.compress(data, 9),
    "a.csv.bz2": bz2.compress,
    "a.csv.xz": lambda data: lzma.compress(data, preset=0),
    "a.csv.zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}


@pytest.mark.parametrize("name", [*BOMBS, "a.csv.zip"])
@pytest.mark.parametrize("unit", [b"\0" * 4, ROW], ids=["zeros", "rows"])
def test_bombs(tmp_path: Path, name: str, unit: bytes) -> None:
    """Written in pieces of 2 MiB, most of which are never unpacked."""
    path, piece = tmp_path / name, b"text,label\n" + unit * ((2 << 20) // len(unit))
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as file:
            for _ in range(20):
                file.write(piece)
    else:
        path.write_bytes(BOMBS[name](piece) * 40)
    assert path.stat().st_size < 3_000_000
    with pytest.raises(DataError, match="grows more than 100 times"):
        for _ in stream_texts(path):
            pass


def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * (32 << 20)) * 40)  # 1.3 GB
    code = f"""
import resource
from pathlib import Path
from featx.data.tables import read_table
from featx.errors import DataError
import pyarrow
resource.setrlimit(resource.RLIMIT_DATA, (700 << 20, 700 << 20))
try:
    read_table(Path({str(path)!r}))
except DataError as e:
    print(e)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "grows more than 100 times" in done.stdout, done.stderr
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY


def test_a_workbook_that_is_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (80 << 20))
    with pytest.raises(DataError, match="grows more than 100 times"):
        read_table(path)
    path.write_bytes(b"PK no workbook")
    with pytest.raises(DataError, match="not readable as an Excel workbook"):
        read_table(path)


def test_a_parquet_file_that_states_too_many_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 12_000_000, pa.int8()), ["x"])
    pq.write_table(pa.table({"text": column, "label": column}), path)
    assert path.stat().st_size < 200_000
    with pytest.raises(DataError, match=r"states 12,000,000 rows in [\d,]+ bytes"):
        read_table(path)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json"])
def test_a_header_of_100_000_columns(tmp_path: Path, name: str) -> None:
    columns = [f"column {k}" for k in range(100_000)]
    path = tmp_path / name

    def write(columns: list[str]) -> None:
        if name.endswith(("csv", "tsv")):
            delimiter = "," if name == "a.csv" else "\t"
            path.write_text("\n".join([delimiter.join(columns), delimiter.join(["x"] * len(columns))]))
        else:
            row = json.dumps(dict.fromkeys(columns, "x"))
            path.write_text(f"[{row}]" if name == "a.json" else row)

    write(columns)
    with pytest.raises(DataError, match=r"no text column .* and 99980 more") as raised:
        read_table(path)
    assert len(str(raised.value)) < 1_500
    write([*columns, "text", "label"])
    assert list(read_table(path).texts) == ["x"]


def test_a_line_without_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(80 << 20)
    with pytest.raises(DataError, match="line 1: longer than 67,108,864 characters"):
        list(stream_texts(path))
