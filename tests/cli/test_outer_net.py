"""Whatever goes wrong is one line and exit code 1, in any encoding, and nothing reaches the terminal raw."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_runs import made_selection, make_run

from featx.cli import main
from featx.cli.output import say, show_prediction
from featx.errors import FeatxWarning
from featx.experiment import doctor
from featx.markup import visible

RAISED = {
    "OSError": (OSError(28, "No space left on device", "/disk"), "/disk: No space left on device"),
    "plain OSError": (OSError("odd"), "OSError: odd"),
    "MemoryError": (MemoryError(), "out of memory, lower --batch-tokens"),
    "RecursionError": (RecursionError("maximum depth"), "RecursionError: maximum depth"),
    "UnicodeError": (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "UnicodeDecodeError: "),
    "many lines": (ValueError("\n\nfirst\nsecond"), "ValueError: first"),
    "no words": (KeyError(), "KeyError"),
    "escape codes": (RuntimeError("a\x1b[2Jb"), r"RuntimeError: a\x1b[2Jb"),
    "a library's panic": (type("PanicException", (BaseException,), {})("panicked"), "PanicException: panicked"),
    "a recursion of its own": (None, "RecursionError"),
}


def endless() -> None:
    endless()


@pytest.mark.parametrize("name", RAISED)
def test_any_exception_is_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error, words = RAISED[name]

    def fail(*arguments: object) -> None:
        if error is None:
            endless()
        raise error

    monkeypatch.setattr(doctor, "examine", fail)
    for verbose in ([], ["--verbose"]):
        with pytest.raises(SystemExit) as stop:
            main([*verbose, "doctor"])
        out, err = capsys.readouterr()
        assert (stop.value.code, out) == (1, "")
        last = err.splitlines()[-1]
        assert last.startswith("featx: error: doctor failed: ")
        assert words in last
        assert "what was finished is kept" in last
        assert ("Traceback" in err, "see more with --verbose" in last) == (bool(verbose), not verbose)
        assert verbose or err.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
def test_output_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    data = tmp_path / "日本.csv"
    rows = [f"{word} {k},{label}" for k in range(12) for word, label in (("良い ☃", "肯定"), ("悪い é", "否定"))]
    data.write_text("text,label\n" + "\n".join(rows) + "\n", "utf-8")
    for words in (["inspect", "data", "--dataset", data], ["inspect", "data", "--dataset", data, "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "featx", *map(str, words)], capture_output=True,
            env=dict(os.environ) | {"PYTHONIOENCODING": encoding, "FEATX_CACHE_DIR": str(tmp_path / "c")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
        assert done.stdout.decode("utf-8" if encoding == "ascii" else encoding)  # click takes ASCII for a mistake


def test_a_stream_that_nobody_chose_is_made_utf8(tmp_path: Path) -> None:
    code = (
        "import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='cp1252')\n"
        "from featx.cli.output import prepare_streams, say\nprepare_streams()\nsay('日本')\nsys.stdout.flush()"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
    assert done.stdout.decode().strip() == "日本"


NASTY = "a\x1b[2Jb\u202ec\u2066\x07\r\x00d"


def test_what_is_hidden_is_shown() -> None:
    assert visible(NASTY) == r"a\x1b[2Jb\u202ec\u2066\x07\r\x00d"
    names = ["نمی‌خواهم", "क्‍ष", "👩‍🔬", "prix\xa0haut", "日本", "é"]
    assert [visible(name) for name in names] == names


def test_nothing_reaches_the_terminal_raw(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from types import SimpleNamespace

    say(f"one\ttwo {NASTY}\nthree")
    show_prediction(SimpleNamespace(label=NASTY, scores={NASTY: 0.5}, text=NASTY))
    run = make_run(tmp_path / "r\x1b[2J", selection=made_selection(summary=NASTY))
    for words in (
        ["report", str(run.folder)],
        ["report", str(run.folder), "--format", "json"],
        ["predict", NASTY, "x"],
    ):
        with pytest.raises(SystemExit):
            main([word.replace("\x00", "") for word in words])
    out, err = capsys.readouterr()
    for sign in "\x1b\u202e\u2066\x07\r\x00":
        assert sign not in out + err, repr(sign)


def test_warnings_of_featx_are_lines_whatever_they_say(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import warnings

    def warn(*arguments: object) -> dict[str, object]:
        warnings.warn(FeatxWarning("choose another `cache_dir`"), stacklevel=1)
        warnings.warn("a library's", UserWarning, stacklevel=1)
        return {}

    monkeypatch.setattr(doctor, "examine", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(sys, "warnoptions", [])
        with pytest.raises(SystemExit):
            main(["doctor"])
    assert capsys.readouterr().err == "featx: warning: choose another --cache-dir\n"
