"""Runs: written whole or not at all, read back as they were, and never half believed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_run

from featx.errors import RunError, SettingsError
from featx.runs import check_name, environment, find_runs, read_run, run_folder, write_run


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    again = read_run(run.folder)
    assert again.record == run.record
    assert set(again.predictions) == {"validation", "test"}
    for split, made in run.predictions.items():
        assert np.array_equal(made.y_true, again.predictions[split].y_true)
        assert np.array_equal(made.y_score, again.predictions[split].y_score)


def test_predictions_without_scores(tmp_path: Path) -> None:
    run = make_run(tmp_path, scores=False)
    assert run.predictions["test"].y_score is None
    assert "log_loss" not in run.record.metrics["test"]
    assert run.record.metric("test", "log_loss") is None


def test_label_names_of_any_script(tmp_path: Path) -> None:
    names = ("否定", "محايد", "👍 good", "row", "split")
    run = make_run(tmp_path, names=names)
    assert run.predictions["test"].label_names == names
    assert run.predictions["test"].y_score.shape == (90, 5)


def test_a_run_that_fails_to_write_leaves_the_old_one(tmp_path: Path) -> None:
    old = make_run(tmp_path, accuracy=0.5)

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match=r"cannot be written to .*seed-0: No space left on device; free space"):
        write_run(old.folder, old.record, old.predictions, fail)
    assert read_run(old.folder).record == old.record
    assert [path.name for path in old.folder.parent.iterdir()] == ["seed-0"]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_rename_that_fails_leaves_the_old_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    old = make_run(tmp_path, accuracy=0.5)
    rename, calls = os.rename, []

    def flaky(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == failing:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", flaky)
    with pytest.raises(RunError, match="Input/output error"):
        make_run(tmp_path, accuracy=0.9)
    assert read_run(old.folder).record == old.record
    assert [path.name for path in old.folder.parent.iterdir()] == ["seed-0"]


def test_a_new_run_replaces_the_old_as_a_whole(tmp_path: Path) -> None:
    old = make_run(tmp_path, accuracy=0.5)
    (old.folder / "stray").write_text("x")
    new = make_run(tmp_path, accuracy=0.9)
    assert new.record != old.record
    assert sorted(path.name for path in new.folder.iterdir()) == ["predictions.parquet", "run.json"]
    assert [path.name for path in old.folder.parent.iterdir()] == ["seed-0"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", r"run\.json is broken"),
        ("[" * 100_000, r"run\.json is broken"),
        ("[]", r"is no run: expected a JSON object"),
        ("{}", r"lacks method, seed, .*; it is no run of featx"),
        ('{"schema_version": 99}', r"has schema 99, but this featx knows up to 2; update featx"),
    ],
)
def test_broken_records(tmp_path: Path, content: str, words: str) -> None:
    run = make_run(tmp_path)
    (run.folder / "run.json").write_text(content)
    with pytest.raises(RunError, match=words):
        read_run(run.folder)


@pytest.mark.parametrize(
    "change",
    [{"timings": {}}, {"timings": None}, {"seed": "x"}, {"label_names": 3}, {"metrics": {}}, {"data": []}],
)
def test_records_of_wrong_kinds(tmp_path: Path, change: dict[str, object]) -> None:
    run = make_run(tmp_path)
    path = run.folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunError, match=r"is broken .*; run the method again"):
        read_run(run.folder)


def test_broken_predictions(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    path = run.folder / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RunError, match=r"predictions\.parquet is broken"):
        read_run(run.folder)
    path.unlink()
    with pytest.raises(RunError, match=r"predictions\.parquet is broken"):
        read_run(run.folder)


def test_find_runs_passes_over_hidden_folders(tmp_path: Path) -> None:
    make_run(tmp_path / "e", "a")
    make_run(tmp_path / "e", "b", seed=1)
    make_run(tmp_path / "e", "b", seed=2).folder.rename(tmp_path / "e" / "b" / ".seed-2-building")
    assert [str(p.relative_to(tmp_path)) for p in find_runs(tmp_path)] == ["e/a/seed-0", "e/b/seed-1"]
    assert find_runs(tmp_path / "e" / "a" / "seed-0") == [tmp_path / "e" / "a" / "seed-0"]
    with pytest.raises(RunError, match=r"holds no runs; make some with featx baseline"):
        find_runs(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../up", "/abs", ".hidden", "a\0b", "-x", "x" * 101, "a b"])
def test_names_that_could_leave_the_folder(name: str) -> None:
    with pytest.raises(SettingsError, match=r"expected 1 to 100 letters, digits"):
        check_name(name, "`experiment`")
    with pytest.raises(SettingsError):
        run_folder(Path("results"), name, "logreg", 0)


def test_environment_names_no_host_user_or_path() -> None:
    text = json.dumps(environment("cpu"))
    import getpass
    import platform

    for private in (platform.node(), str(Path.home()), str(Path.cwd())):
        assert private not in text
    assert getpass.getuser() not in text or getpass.getuser() in ("root",)
    assert environment("cpu")["packages"]["torch"]
