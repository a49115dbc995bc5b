"""Files and folders are the old or the new, whole, whatever happens while they are written; nothing else is left."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import store_faults as faults

import featx
from featx.files import TEMPORARY_PREFIX, whole_file, whole_folder, write_file

ROOT = Path(featx.__file__).parent


def by_bytes(path: Path, content: str) -> None:
    write_file(path, [content.encode()[:2], content.encode()[2:]])


def by_library(path: Path, content: str) -> None:
    with whole_file(path) as building:
        building.write_text(content)


def by_folder(path: Path, content: str) -> None:
    with whole_folder(path) as building:
        (building / "part").mkdir()
        (building / "part" / "a").write_text(content)
        (building / "b").write_text(content)


def content_of(path: Path) -> set[str]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {file.read_text() for file in files}


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(TEMPORARY_PREFIX))


WRITERS = [by_bytes, by_library, by_folder]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("action", [faults.kill_before, faults.kill_after])
def test_killed_at_any_call_it_is_the_old_or_the_new(
    tmp_path: Path, write: Callable[[Path, str], None], action: object
) -> None:
    write(tmp_path / "count", "old")
    n = faults.n_calls(lambda: write(tmp_path / "count", "new"))
    assert n >= 6
    seen = []
    for at in range(n):
        folder = tmp_path / str(at)
        folder.mkdir()
        write(folder / "it", "old")

        def work(path: Path = folder / "it", at: int = at) -> None:
            with faults.interposed(at, action):
                write(path, "new")

        assert faults.in_child(work) == -signal.SIGKILL
        between_renames = write is by_folder and not (folder / "it").exists()
        seen.append(content_of(folder / "it"))
        assert seen[-1] in ({"old"}, {"new"}) or between_renames
        if between_renames:  # both are whole, under temporary names
            assert {frozenset(content_of(path)) for path in folder.iterdir()} == {
                frozenset({"old"}),
                frozenset({"new"}),
            }
        write(folder / "it", "again")
        assert content_of(folder / "it") == {"again"}
    assert seen[0] == {"old"}
    assert seen[-1] == {"new"}


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_an_error_at_any_call_leaves_the_old_or_the_new_and_nothing_else(
    tmp_path: Path, write: Callable[[Path, str], None], code: int
) -> None:
    path = tmp_path / "it"
    write(path, "old")
    n = faults.n_calls(lambda: write(path, "old"))
    for at in range(n):
        with faults.interposed(at, faults.fail_with(code)), pytest.raises(OSError, match=os.strerror(code)):
            write(path, "new")
        assert content_of(path) in ({"old"}, {"new"})
        assert [p.name for p in tmp_path.iterdir()] == ["it"]
        write(path, "old")


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_an_error_of_the_block_leaves_the_old(tmp_path: Path, whole: Callable[[Path], object]) -> None:
    path = tmp_path / "deep" / "it"
    write = by_library if whole is whole_file else by_folder
    write(path, "old")
    with pytest.raises(TypeError), whole(path) as building:
        (building / "half" if building.is_dir() else building).write_text("half") and building.write_text(None)
    assert content_of(path) == {"old"}
    assert [p.name for p in path.parent.iterdir()] == ["it"]


def test_everything_is_durable_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    for name in ("fsync", "rename", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (seen.append(name), real(*a)))
    by_library(tmp_path / "file", "x")
    assert seen == ["fsync", "replace", "fsync"]
    seen.clear()
    by_folder(tmp_path / "folder", "x")
    assert seen == ["fsync"] * 4 + ["rename", "fsync"]


def test_the_first_stays_where_content_follows_from_the_name(tmp_path: Path) -> None:
    path = tmp_path / "it"
    with whole_folder(path, keep_first=True) as building:
        (building / "a").write_text("second")
        by_folder(path, "first")  # another process was faster
    assert content_of(path) == {"first"}
    assert left_in(tmp_path) == ["it"] == [p.name for p in tmp_path.iterdir()]


def test_of_two_that_replace_a_folder_one_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "it"
    by_folder(path, "old")
    rename, calls = os.rename, []

    def between(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == 2:
            rename(tmp_path / "other", path)
        rename(source, target)

    by_folder(tmp_path / "other", "other")
    monkeypatch.setattr(os, "rename", between)
    with pytest.raises(OSError, match="not empty"):
        by_folder(path, "new")
    assert content_of(path) == {"other"}
    assert [p.name for p in tmp_path.iterdir()] == ["it"]


def test_links_are_replaced_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").write_text("mine")
    for name, write in (("folder", by_folder), ("file", by_bytes)):
        (tmp_path / name).symlink_to(tmp_path / "mine" / ("a" if name == "file" else ""))
        write(tmp_path / name, "new")
        assert not (tmp_path / name).is_symlink()
        assert content_of(tmp_path / name) == {"new"}
    assert content_of(tmp_path / "mine") == {"mine"}


def test_a_file_in_the_way_of_a_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "it").write_text("mine")
    with pytest.raises(NotADirectoryError, match="a file is in the way"):
        by_folder(tmp_path / "it", "new")
    assert content_of(tmp_path / "it") == {"mine"}
    assert [p.name for p in tmp_path.iterdir()] == ["it"]


def test_there_is_one_writer() -> None:
    """Whoever renames, replaces or flushes files by hand has written a second one."""
    by_hand = re.compile(r"os\.(replace|rename|fsync)\(|\.rename\(|NamedTemporaryFile\(")
    by = {path.name for path in ROOT.rglob("*.py") if by_hand.search(path.read_text())}
    assert by == {"files.py"}
