"""A method that fails is a line of its own: the others' lines and exit code 0 stay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny import make_texts


def featx(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "featx", *arguments], capture_output=True, text=True, cwd=cwd, timeout=300
    )


@pytest.mark.parametrize(
    ("options", "failed", "reason"),
    [
        (["--calibrate", "isotonic"], "tfidf-svm", "a class has one text"),
        (["--cv", "40"], "tfidf-logreg", "too few for 40 folds"),
    ],
)
def test_a_failed_method_is_a_line(tmp_path: Path, options: list[str], failed: str, reason: str) -> None:
    texts, labels = make_texts(60)
    labels[:30] = ["negative"] * 30
    rows = [f"{text},{label}" for text, label in zip(texts, labels, strict=True)]
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.csv").write_text("\n".join(["text,label", *rows[:40], "one great thing,lonely"]) + "\n")
    for split, part in (("validation", rows[40:50]), ("test", rows[50:])):
        (data / f"{split}.csv").write_text("\n".join(["text,label", *part, f"two things {split},lonely"]) + "\n")
    done = featx("baseline", "--dataset", str(data), "--methods", f"majority,{failed}", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(part in lines[0] for part in ("majority", "test 0."))
    assert all(part in lines[1] for part in (failed, "failed: ", reason))
