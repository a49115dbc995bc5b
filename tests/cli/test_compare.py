"""``featx compare`` as a user gives it: a plan, a whole answer, and an interruption in the middle."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import make_texts
from trainings import start

pytestmark = pytest.mark.slow


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """A CSV of 240 texts that a word tells the label of."""
    path = tmp_path / "reviews.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(*make_texts(240), strict=True)])
    return path


def arguments(reviews: Path, tiny: Path) -> list[object]:
    folder = reviews.parent
    places = ["--results", folder / "results", "--cache-dir", folder / "cache"]
    few = ["--classical", "majority,logreg", "--most-trials", 0, "--n-resamples", 999]
    return ["compare", "--dataset", reviews, "--checkpoint", tiny, *few, *places]


def run(*given: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "featx", *map(str, given)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


def test_a_dry_run_prints_the_plan_and_makes_nothing(reviews: Path, tiny: Path) -> None:
    done = run(*arguments(reviews, tiny), "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    steps = json.loads(done.stdout)["steps"]
    assert [step["name"] for step in steps] == ["words", "extract", "frozen", "fine-tune"]
    assert all(step["seconds"] > 0 for step in steps)
    assert not (reviews.parent / "results").exists()


def test_interrupted_in_the_middle_it_goes_on_and_ends_in_an_answer(reviews: Path, tiny: Path) -> None:
    folder = reviews.parent / "results" / "reviews-compare"
    process = start(*arguments(reviews, tiny), OMP_NUM_THREADS="1")
    until = time.monotonic() + 200
    while not list(folder.glob("finetune/seed-0/fold-*/run.json")) and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode in (130, 0)
    there = {path: path.stat().st_mtime_ns for path in folder.glob("**/run.json")}
    assert there
    done = run(*arguments(reviews, tiny))
    assert done.returncode == 0, done.stderr
    assert all(path.stat().st_mtime_ns == made for path, made in there.items())
    assert done.stdout.startswith(("Yes, ", "No, ", "Undecided", "Whether fine-tuning is worth it cannot be said yet"))
    assert "\nended after " in done.stdout
    again = run(
        "run", folder / "compare.toml", "--results", reviews.parent / "results", "--cache-dir", reviews.parent / "cache"
    )
    assert again.returncode == 0, again.stderr
    assert all(path.stat().st_mtime_ns == made for path, made in there.items()), "the file asks for the same"
    assert "so far, f1_macro on test" in done.stderr


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--budget", "soon"], "--budget is 'soon'; expected a time such as 90s, 30m or 1h30m"),
        (["--metric", "foo"], "--metric is 'foo'; expected one of: accuracy"),
        (["--classical", "logrge"], "method 'logrge' is unknown; expected one of: majority"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(reviews: Path, tiny: Path, wrong: list[str], words: str) -> None:
    done = run(*arguments(reviews, tiny), *wrong)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (reviews.parent / "results").exists()
