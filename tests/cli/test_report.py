"""``featx report``: made from run.json and predictions.parquet alone, without torch; texts only where they may be."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_runs import make_run

from featx.cli import main
from featx.experiment.report import report
from featx.runs import write_run

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def featx(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FEATX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("FEATX_RESULTS", str(tmp_path / "results"))

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return int(stop.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def results(featx: Run, tweets: Path, tmp_path: Path) -> Path:
    """An experiment on texts alone."""
    assert featx("baseline", "--dataset", tweets, "--methods", "majority,tfidf-logreg")[0] == 0
    return tmp_path / "results" / "tweets"


def content(folder: Path) -> str:
    """Everything that a report's files hold, images without text aside."""
    return "".join(path.read_text("utf-8") for path in sorted(folder.rglob("*")) if path.suffix not in (".png", ""))


def test_texts_are_shown_where_they_were_kept(featx: Run, results: Path, tweets: Path) -> None:
    assert featx("report", results, "--reference", "majority")[0] == 0
    texts = (tweets / "test_text.txt").read_text().split("\n")
    assert sum(text in content(results / "report") for text in texts) > 10
    assert (results / "report" / "figures" / "lengths.svg").is_file()


def test_no_texts_leaves_none_anywhere(featx: Run, results: Path, tweets: Path) -> None:
    assert featx("report", results, "--reference", "majority", "--no-texts")[0] == 0
    shown = content(results / "report")
    every = [
        text for name in ("train", "val", "test") for text in (tweets / f"{name}_text.txt").read_text().split("\n")
    ]
    assert not [text for text in every if text in shown]
    assert "tfidf-logreg right, majority wrong" in shown
    assert not (results / "report" / "figures" / "lengths.svg").exists()


def test_an_experiment_can_keep_no_texts(
    featx: Run, tweets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEATX_NO_TEXTS", "1")
    assert featx("baseline", "--dataset", tweets, "--methods", "majority")[0] == 0
    assert not (tmp_path / "results" / "tweets" / "texts").exists()
    monkeypatch.delenv("FEATX_NO_TEXTS")
    code, out, _ = featx("report", tmp_path / "results" / "tweets", "--reference", "majority")
    assert (code, "majority" in out) == (0, True)


def test_made_again_from_records_and_predictions_alone_without_torch(featx: Run, results: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    for path in results.rglob("*"):
        if path.name in ("run.json", "predictions.parquet"):
            target = bare / path.relative_to(results)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    code = (
        "import sys\n"
        "class Refusing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('torch', 'transformers', 'datasets', 'tokenizers', 'skops', 'wandb'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refusing())\n"
        "from featx.cli import main\nmain(['report', sys.argv[1], '--reference', 'majority', '--format', 'json'])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(bare)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == featx("report", results, "--reference", "majority", "--format", "json")[1]
    assert (bare / "report" / "report.html").is_file()


class Table(HTMLParser):
    """Cells of the table of methods."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in_table = self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self._in_table |= tag == "table" and ("id", "table") in attrs
        if self._in_table and tag == "tr":
            self.rows.append([])
        if self._in_table and tag in ("td", "th"):
            self._in_cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell &= tag not in ("td", "th")
        self._in_table &= tag != "table"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def test_the_page_has_the_numbers_of_the_other_formats(tmp_path: Path) -> None:
    for method, rate in (("finetune", 0.8), ("logreg", 0.6), ("majority", 0.3)):
        make_run(tmp_path / "x", method, rate)
    reported = report([tmp_path / "x"])
    page = Table()
    page.feed(reported.files[0].read_text("utf-8"))
    head, *body = page.rows
    markdown = (tmp_path / "x" / "report" / "report.md").read_text("utf-8")
    lines = [line for line in markdown.splitlines() if line.startswith("| ")][1:4]
    assert [[cell.replace("\\", "").strip() for cell in line.strip("|").split("|")] for line in lines] == body
    rows = list(csv.DictReader(io.StringIO((tmp_path / "x" / "report" / "table.csv").read_text())))
    for row, cells in zip(rows, body, strict=True):
        assert cells[head.index("test")] == f"{float(row['test_f1_macro']):.3f}"
        assert cells[head.index("accuracy")] == f"{float(row['test_accuracy']):.3f}"


def test_a_method_that_failed_is_said_and_breaks_nothing(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / "x", method, rate) for method, rate in (("finetune", 0.8), ("logreg", 0.6))]
    failed = replace(runs[1].record, method="rbf-svm", failure="no <b>memory</b>", metrics={})
    write_run(tmp_path / "x" / "rbf-svm" / "seed-0", failed, {})
    reported = report([tmp_path / "x"])
    assert [row.method for row in reported.comparison.rows] == ["finetune", "logreg"]
    page = reported.files[0].read_text("utf-8")
    assert "no &lt;b&gt;memory&lt;/b&gt;" in page
    assert "rbf-svm" in (tmp_path / "x" / "report" / "report.md").read_text("utf-8")


def test_several_results_folders(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "finetune", 0.8)
    make_run(tmp_path / "b", "logreg", 0.6)
    reported = report([tmp_path / "a", tmp_path / "b", tmp_path / "a"])
    assert [row.method for row in reported.comparison.rows] == ["finetune", "logreg"]
    assert reported.files[0].parent == tmp_path / "a" / "report"
    assert "<title>a + b</title>" in reported.files[0].read_text("utf-8")


def test_broken_texts_are_one_line_and_the_way_out(featx: Run, results: Path) -> None:
    for path in (results / "texts").iterdir():
        path.write_bytes(b"x")
    code, out, err = featx("report", results, "--reference", "majority")
    assert (code, out) == (1, "")
    assert "remove it, or show no --texts" in err


def test_margin_and_open(featx: Run, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    made = featx("report", results, "--reference", "majority", "--margin", "0.5", "--open", "--format", "json")
    assert json.loads(made[1])["margin"] == 0.5
    assert opened == [str((results / "report" / "report.html").resolve())]
    code, out, err = featx("report", results, "--margin", "-1")
    assert (code, out) == (2, "")
    assert "--margin is -1; expected a number from 0 to below 1" in err


def test_a_terminal_shows_the_same_table_in_colour(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    from featx.cli import output

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    table = "method  verdict\n──────  ───────\n[red]a   worse"
    screen = Screen()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    output._show_table(table)
    assert "\x1b[" in screen.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).rstrip("\n") == table
