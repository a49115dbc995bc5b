"""Files that version 0.1 read rightly: the same splits with the same digests, which its own code computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from featx.data import load_dataset
from featx.settings import DataSettings

TEXTS = [
    'a "good" day',
    "bad,\nvery bad\r\nindeed",
    "NA",
    "é\u2028\u0085 日本",
    " blank ",
    "=1+1",
    "x\ty;z|w",
    "'q' #h",
]


def csv_of(delimiter: str, labels: list[str], end: str) -> bytes:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in f'"\r\n{delimiter}') else text

    rows = [[str(k), f"{TEXTS[k % 8]} {k}", labels[k % len(labels)]] for k in range(48)]
    return end.join(delimiter.join(map(cell, row)) for row in [["", "Text", "label"], *rows]).encode()


def jsonl_of(labels: list[object]) -> bytes:
    rows = [{"sentence": f"{TEXTS[k % 8]} {k}", "class": labels[k % len(labels)]} for k in range(48)]
    return "\n".join(json.dumps(row) for row in rows).encode("utf-8-sig")


FILES = {
    "a.csv": csv_of(",", ["yes", "no", "c,d"], "\n"),
    "b.csv": csv_of(",", ["1.0", "2.0", "10.0"], "\r\n"),
    "c.tsv": csv_of("\t", ["-1", "0", "1"], "\n"),
    "d.jsonl": jsonl_of([0.0, 1, 10]),
    "e.jsonl": jsonl_of([True, False]),
    "f.jsonl": jsonl_of(["Spam", "spam", " ham "]),
}
DIGESTS = {
    "a.csv": ["53bbdf2eb9075f2a", "499c3a6050386f81", "e11439dc672a9783"],
    "b.csv": ["e0590751729edfdb", "75cd32c82ba24c01", "26d4e73dd8e72a2b"],
    "c.tsv": ["8ce20c98d0cd581b", "8f70daa49324f734", "37b67b01b93e9acf"],
    "d.jsonl": ["87e32ea006d76bad", "550b51769301b86e", "3ab635fc6bb54a9b"],
    "e.jsonl": ["2766b375b48ea655", "ba8b0a3a7ae22b3b", "a88c583a596c4459"],
    "f.jsonl": ["f68796911b85bf64", "31d967a27df2459b", "78b1283f168c1d84"],
}


@pytest.mark.parametrize("name", FILES)
def test_digests(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    dataset = load_dataset(DataSettings(str(tmp_path / name)))
    assert [split.digest[:16] for split in dataset.splits.values()] == DIGESTS[name]
