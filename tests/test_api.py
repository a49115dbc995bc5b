"""``import featx``: the commands as functions, their results as text and as escaped HTML."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_run
from tiny import write_tweeteval

import featx
from featx.api import Compared, Predicted, Runs
from featx.errors import FeatxError, RunError, SettingsError
from featx.predict import Prediction

NASTY = "<script>alert('x')</script>&\""


class Table(HTMLParser):
    """Tags and cells of a piece of HTML."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        assert not attrs
        if tag in ("td", "th", "p"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        self.cells[-1] += data


def cells(shown: object) -> list[str]:
    table = Table(shown._repr_html_())
    assert set(table.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "p"}
    return table.cells


def where(tmp_path: Path) -> dict[str, object]:
    return {"results": tmp_path / "results", "cache_dir": tmp_path / "cache", "device": "cpu"}


def test_the_whole_way(tmp_path: Path, tweets: Path, tiny: Path) -> None:
    data = featx.load_dataset(tweets)
    assert repr(data).startswith("TextDataset(")
    assert cells(data)[:5] == ["split", "texts", "negative", "neutral", "positive"]

    places = where(tmp_path)
    features = featx.extract(data, str(tiny), layer="all", pooling=["cls", "mean"], cache_dir=places["cache_dir"])
    assert features["train"].shape == (60, 3, 32)
    assert not np.array_equal(features.array("test", "mean"), features.array("test"))
    assert "layer 0 cls, layer 0 mean" in repr(features)
    assert "60" in cells(features)
    with pytest.raises(SettingsError, match=r"split 'dev' was not extracted; expected one of: train"):
        features["dev"]
    with pytest.raises(SettingsError, match=r"pooling 'max' was not extracted; expected one of: cls, mean"):
        features.array("test", "max")

    made = featx.baseline(data, str(tiny), methods="majority,logreg", layer=-2, **places)
    assert [run.record.method for run in made] == ["majority", "logreg"]
    assert made[1].record.selection["features"]["layer"] == 1
    assert repr(made).startswith("2 runs\nmajority  seed 0  f1_macro 0.")
    tuned = featx.finetune(tweets, str(tiny), num_train_epochs=1, seeds=[0, 1], **places)
    assert [run.record.seed for run in tuned] == [0, 1]

    compared = featx.compare(made, tuned, n_resamples=999)
    assert isinstance(compared, Compared)
    assert {row["method"] for row in compared.rows} == {"majority", "logreg", "finetune"}
    assert compared.answer[0] in repr(compared)
    assert compared.files == ()
    written = featx.report(made.folder, output=tmp_path / "report", n_resamples=999)
    assert written.files[0] == tmp_path / "report" / "report.html"
    assert written.rows == compared.rows
    assert written.render("csv").startswith("method,")

    for run in (made[1], made[1:], made[1].folder, tuned[0]):
        predicted = featx.predict(run, ["a good day", "a bad day"], cache_dir=places["cache_dir"], device="cpu")
        assert len(predicted) == len(predicted.labels) == 2
        assert predicted.labels[0] in repr(predicted)
        assert "a good day" in cells(predicted)
    assert len(featx.predict(made[1], "one text", cache_dir=places["cache_dir"])) == 1


def test_names_that_modules_have_too_are_functions_in_any_order() -> None:
    """`featx.report` is a package and a function, whoever imports what first."""
    code = (
        "import featx\n{first}\nimport inspect\n"
        "for name in featx.__all__:\n"
        "    assert callable(getattr(featx, name)), name\n"
        "    inspect.signature(getattr(featx, name))\n"
        "from featx.report import compare\nimport featx.finetune.training\nfrom featx import report, predict\n"
        "assert featx.report.compare is compare and report is featx.report\n"
        "assert featx.predict.Prediction and featx.finetune.training\n"
        "try: featx.report('nowhere')\n"
        "except featx.errors.RunError: pass\n"
        "else: raise SystemExit('no error')\n"
        "try: featx.nothing\n"
        "except AttributeError as e: assert 'nothing' in str(e)\n"
    )
    for first in ("", "import featx.report", "from featx.experiment import baseline", "featx.predict"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code.format(first=first)],
            capture_output=True, text=True, env=dict(os.environ),
        )  # fmt: skip
        assert done.returncode == 0, (first, done.stderr)


def test_every_name_is_there_and_described() -> None:
    assert set(featx.__all__) <= set(dir(featx))
    for name in ("load_dataset", "extract", "baseline", "compare"):
        assert "Parameters" in (inspect.getdoc(getattr(featx, name)) or "")


def test_a_failed_run_is_shown_as_one(tmp_path: Path) -> None:
    runs = Runs([make_run(tmp_path / "x", failure=NASTY), make_run(tmp_path / "x", "majority")])
    assert f"failed: {NASTY}" in repr(runs)
    assert f"failed: {NASTY}" in cells(runs)


def test_everything_is_escaped(tmp_path: Path) -> None:
    folder = write_tweeteval(tmp_path / "t")
    (folder / "mapping.txt").write_text(f"0\t{NASTY}\n1\tb\n2\tc\n")
    assert NASTY in cells(featx.load_dataset(folder))
    assert NASTY in cells(Predicted([Prediction(NASTY, NASTY, {NASTY: 0.5})]))
    run = make_run(tmp_path / "r", selection={"summary": NASTY, "trials": []})
    assert NASTY in cells(Runs([run]))
    assert NASTY in cells(featx.compare(run, reference="logreg", n_resamples=999))


WRONG: dict[str, tuple[Callable[[], object], type[FeatxError], str]] = {
    "no such field": (lambda: featx.baseline("demo", method="logreg"), SettingsError, "did you mean 'methods'"),
    "no such option": (lambda: featx.extract("demo", layers=2), SettingsError, "did you mean 'layer'"),
    "no such data option": (lambda: featx.load_dataset("demo", text="x"), SettingsError, "did you mean 'text_column'"),
    "a layer in words": (lambda: featx.extract("demo", layer="last"), SettingsError, "layer is 'last'"),
    "a pooling": (lambda: featx.extract("demo", pooling="max"), SettingsError, "pooling is 'max'"),
    "nothing": (lambda: featx.compare(), RunError, "no runs given"),
    "no folder": (lambda: featx.predict("nowhere", "x"), RunError, "nowhere is no folder"),
    "no texts": (lambda: featx.predict("nowhere", []), RunError, "nowhere is no folder"),
    "a report of nothing": (lambda: featx.report("nowhere"), RunError, "holds no runs"),
    "a trainer setting": (lambda: featx.finetune("demo", lr=1), SettingsError, "unknown key 'lr'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_one_line(name: str) -> None:
    call, kind, words = WRONG[name]
    with pytest.raises(kind, match=words) as error:
        call()
    assert "\n" not in str(error.value)


def test_two_runs_cannot_predict(tmp_path: Path) -> None:
    runs = Runs([make_run(tmp_path, seed=seed) for seed in (0, 1)])
    with pytest.raises(RunError, match=r"takes one run, but these are 2; choose one, such as runs\[0\]"):
        featx.predict(runs, "x")
