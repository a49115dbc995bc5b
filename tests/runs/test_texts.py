"""Test texts kept beside runs: checked against the runs' digests, written whole, left out on demand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from featx.data import Split, TextDataset
from featx.errors import RunError
from featx.runs import SharedText, keep_texts, read_shared, read_texts

NAMES = ("no", "yes")


def dataset(test: list[str], train: list[str]) -> TextDataset:
    splits = {
        name: Split(texts, np.arange(len(texts)) % 2, NAMES)
        for name, texts in (("train", train), ("validation", ["v"]), ("test", test))
    }
    return TextDataset("x", NAMES, splits)


def read(folder: Path, data: TextDataset) -> list[str] | None:
    return read_texts(folder, data.test.digest, data.test.labels, NAMES)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    texts = ["a\nb", "=1+1", "日本 👍", "\x00", "a\nb"]
    data = dataset(texts, ["x", "=1+1", "a\nb", "a\nb"])
    keep_texts(tmp_path, data)
    assert read(tmp_path, data) == texts
    shared = read_shared(tmp_path, data.test.digest, data.train.digest)
    assert shared == [SharedText(0, 2, 0), SharedText(1, 1, 1), SharedText(4, 2, 0)]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "texts").iterdir()}
    keep_texts(tmp_path, data)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "texts").iterdir()}


def test_another_train_split_has_its_own_list(tmp_path: Path) -> None:
    one, other = dataset(["a", "b"], ["a", "c"]), dataset(["a", "b"], ["d", "c"])
    for data in (one, other):
        keep_texts(tmp_path, data)
    assert len(read_shared(tmp_path, one.test.digest, one.train.digest)) == 1
    assert read_shared(tmp_path, other.test.digest, other.train.digest) == []
    assert len(list((tmp_path / "texts").iterdir())) == 3


def test_nothing_kept_is_nothing_read(tmp_path: Path) -> None:
    data = dataset(["a"], ["b"])
    assert read(tmp_path, data) is None
    assert read_shared(tmp_path, data.test.digest, data.train.digest) is None


def test_texts_of_other_data_are_never_shown(tmp_path: Path) -> None:
    one, other = dataset(["a", "b"], ["c"]), dataset(["a", "B"], ["c"])
    keep_texts(tmp_path, one)
    path = next((tmp_path / "texts").glob("test-*"))
    path.rename(path.with_name(f"test-{other.test.digest[:16]}.parquet"))
    with pytest.raises(RunError, match=r"does not hold the test texts of its runs; remove it, or show no `texts`"):
        read(tmp_path, other)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x00" * 99])
def test_broken_files_are_one_line(tmp_path: Path, content: bytes) -> None:
    data = dataset(["a"], ["b"])
    keep_texts(tmp_path, data)
    for path in (tmp_path / "texts").iterdir():
        path.write_bytes(content)
    with pytest.raises(RunError, match=r"is broken \(.*\); remove it, or show no `texts`"):
        read(tmp_path, data)
    with pytest.raises(RunError, match=r"is broken \(.*\); remove it, or show no `texts`"):
        read_shared(tmp_path, data.test.digest, data.train.digest)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("in the way")
    with pytest.raises(
        RunError, match=r"the test texts cannot be written to .*; free space, change `results`, or keep no `texts`"
    ):
        keep_texts(tmp_path, dataset(["a"], ["b"]))


def test_texts_are_written_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "texts").symlink_to(tmp_path / "outside")
    with pytest.raises(RunError, match=r"texts is a link, and featx writes through none; remove it"):
        keep_texts(tmp_path / "e", dataset(["a"], ["b"]))
    assert not list((tmp_path / "outside").iterdir())
