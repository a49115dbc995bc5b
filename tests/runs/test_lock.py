"""A run is made by one process at a time, and a process that ends, however, leaves no lock behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import featx
from featx.errors import RunError
from featx.runs.lock import only_one

HOLDER = """
import sys, time; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from featx.runs.lock import only_one
with only_one(Path(sys.argv[2])):
    print("HELD", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_at_once_and_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "x" / "seed-0"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(Path(__file__).parents[2]), str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "HELD\n"
        with (
            pytest.raises(RunError, match=r"another process is making the run in .*seed-0; wait for it"),
            only_one(folder),
        ):
            pytest.fail("both hold it")
        with only_one(folder.with_name("seed-1")):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with only_one(folder):
        assert [path.name for path in folder.parent.iterdir()] == [".seed-0.lock"]
    assert not list(folder.parent.iterdir())


def test_the_second_of_two_same_trainings_says_so(tweets: Path, tiny: Path, tmp_path: Path) -> None:
    settings = {"num_train_epochs": 1, "results": tmp_path / "results", "experiment": "x", "cache_dir": tmp_path}
    with (
        only_one(tmp_path / "results" / "x" / "finetune" / "seed-0"),
        pytest.raises(RunError, match="another process is making the run in"),
    ):
        featx.finetune(tweets, str(tiny), **settings)
    assert featx.finetune(tweets, str(tiny), **settings)


def test_an_error_inside_passes_and_frees_it(tmp_path: Path) -> None:
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), only_one(tmp_path / "seed-0"):
            raise error
    assert not list(tmp_path.iterdir())


def test_without_locks_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems have none; and Windows has no ``fcntl``."""
    import fcntl

    def fail(*arguments: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with only_one(tmp_path / "seed-0"):
        pass
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with only_one(tmp_path / "seed-0"):
        pass


def test_many_at_once_never_hold_it_together(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def try_it(_: int) -> bool:
        try:
            with only_one(tmp_path / "seed-0"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1
            return True
        except RunError:
            return False

    with ThreadPoolExecutor(8) as pool:
        held = list(pool.map(try_it, range(400)))
    assert any(held)
    assert most[0] == 1
