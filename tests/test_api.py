"""``import featx``: the commands as functions, their results as text and as escaped HTML."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from made_runs import made_selection, make_run
from tiny import write_tweeteval

import featx
from featx.errors import FeatxError, RunError, SettingsError, StoppedError
from featx.experiment.progress import Silent
from featx.experiment.shown import Compared, Predicted, Runs
from featx.prediction import Prediction

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

    workspace = where(tmp_path)
    features = featx.extract(data, str(tiny), layer="all", pooling=["cls", "mean"], cache_dir=workspace["cache_dir"])
    assert features["train"].shape == (60, 3, 32)
    assert not np.array_equal(features.array("test", "mean"), features.array("test"))
    assert "layer 0 cls, layer 0 mean" in repr(features)
    assert "60" in cells(features)
    with pytest.raises(SettingsError, match=r"split 'dev' was not extracted; expected one of: train"):
        features["dev"]
    with pytest.raises(SettingsError, match=r"pooling 'max' was not extracted; expected one of: cls, mean"):
        features.array("test", "max")

    made = featx.baseline(data, str(tiny), methods="majority,logreg", layer=-2, **workspace)
    assert [run.record.method for run in made] == ["majority", "logreg"]
    assert made[1].record.selection.features.layer == 1
    assert repr(made).startswith("2 runs\nmajority  seed 0  f1_macro 0.")
    tuned = featx.finetune(tweets, str(tiny), num_train_epochs=1, seeds=[0, 1], **workspace)
    assert (made.folder / "texts").is_dir()
    assert [run.record.seed for run in tuned] == [0, 1]

    compared = featx.compare_runs(made, tuned, n_resamples=999)
    assert isinstance(compared, Compared)
    assert {row["method"] for row in compared.rows} == {"majority", "logreg", "finetune"}
    assert compared.answer[0] in repr(compared)
    assert compared.files == ()
    written = featx.report(made.folder, output=tmp_path / "report", n_resamples=999)
    assert written.files[0] == tmp_path / "report" / "report.html"
    assert written.rows == compared.rows
    assert written.render("csv").startswith("method,")

    for run in (made[1], made[1:], made[1].folder, tuned[0]):
        predicted = featx.predict(run, ["a good day", "a bad day"], cache_dir=workspace["cache_dir"], device="cpu")
        assert len(predicted) == len(predicted.labels) == 2
        assert predicted.labels[0] in repr(predicted)
        assert "a good day" in cells(predicted)
    assert len(featx.predict(made[1], "one text", cache_dir=workspace["cache_dir"])) == 1


def test_settings_reach_the_training(tmp_path: Path, tweets: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field of the three settings is an argument under its own name."""
    from featx.experiment import finetune
    from featx.settings import FinetuneSettings, SavingSettings, TrackingSettings

    seen: dict[str, object] = {}
    monkeypatch.setattr(
        finetune, "finetune", lambda context, *made: seen.update(enumerate(made), context=context) or []
    )
    featx.finetune(
        tweets, str(tiny), resume=False, save_strategy="steps", save_steps=np.int64(7), save_total_limit=3,
        wandb="offline", wandb_project="mine", method="lora", learning_rate=1, early_stopping_patience=None,
        max_length=np.int64(9), seeds=range(2), texts=False,
    )  # fmt: skip
    assert seen[1] == SavingSettings(False, "steps", 7, 3)
    assert type(seen[1].save_steps) is int
    assert seen[2] == TrackingSettings("offline", "mine")
    assert seen[0] == FinetuneSettings(method="lora", learning_rate=1.0, max_length=9, seeds=(0, 1))
    assert seen["context"].workspace.texts is False
    featx.finetune(tweets, str(tiny))
    assert (seen[1], seen[2]) == (SavingSettings(), TrackingSettings())


def test_features_from_elsewhere_and_no_texts_kept(tmp_path: Path, tweets: Path, tiny: Path) -> None:
    from featx.experiment.feature_files import save_features

    extracted = featx.extract(tweets, str(tiny), cache_dir=tmp_path / "cache", device="cpu")
    save_features(extracted, tmp_path / "mine.npz", "npz")
    made = featx.baseline(
        tweets, "nowhere", methods="logreg", features_file=tmp_path / "mine.npz", texts=False, **where(tmp_path)
    )
    assert made[0].record.selection.summary
    assert made[0].record.checkpoint is None
    assert not (made.folder / "texts").exists()
    assert {row["method"] for row in featx.compare_runs(made, n_resamples=999).rows} == {"logreg"}


class Terminate(Silent):
    """A display that sends this process SIGTERM at a step."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Terminate]:
        yield self

    def update(self, done: int, total: int | None = None, detail: str = "") -> None:
        if done == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_training_that_was_stopped_goes_on(tmp_path: Path, tweets: Path, tiny: Path) -> None:
    """With a checkpoint each third step, or with none but the one that the signal makes it write."""
    few = {"num_train_epochs": 2, "per_device_train_batch_size": 8, "learning_rate": 3e-3, **where(tmp_path)}
    often = {"save_strategy": "steps", "save_steps": 3, "save_total_limit": 1, **few}
    with pytest.raises(StoppedError, match=r"terminated at step 10; .* the same command goes on from there") as stopped:
        featx.finetune(tweets, str(tiny), display=Terminate(10), **often)
    assert stopped.value.exit_code == 143
    kept = [path.name for path in (tmp_path / "results/tweets/finetune").glob(".seed-0-checkpoints-*/*")]
    assert kept == ["step-00000010"]
    goes_on = Terminate(-1)
    resumed = featx.finetune(tweets, str(tiny), display=goes_on, **often)
    assert any("going on from step 10" in said for said in goes_on.said)
    unbroken = featx.finetune(tweets, str(tiny), save_strategy="no", **few | {"results": tmp_path / "unbroken"})
    assert resumed[0].record.history == unbroken[0].record.history


def test_names_that_modules_have_too_are_functions_in_any_order() -> None:
    """`featx.report` is a function, whoever imports what first."""
    code = (
        "import featx\n{first}\nimport inspect\n"
        "for name in featx.__all__:\n"
        "    assert callable(getattr(featx, name)), name\n"
        "    inspect.signature(getattr(featx, name))\n"
        "import featx.reporting, featx.training.fitting, featx.prediction\nfrom featx import report, predict\n"
        "assert report is featx.report and predict is featx.predict and featx.training.fitting\n"
        "try: featx.report('nowhere')\n"
        "except featx.errors.RunError: pass\n"
        "else: raise SystemExit('no error')\n"
        "try: featx.nothing\n"
        "except AttributeError as e: assert 'nothing' in str(e)\n"
    )
    for first in ("", "import featx.reporting", "from featx.experiment import baseline", "featx.predict"):
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
    run = make_run(tmp_path / "r", selection=made_selection(summary=NASTY))
    assert NASTY in cells(Runs([run]))
    assert NASTY in cells(featx.compare_runs(run, reference="logreg", n_resamples=999))


WRONG: dict[str, tuple[Callable[[], object], type[FeatxError], str]] = {
    "no such field": (lambda: featx.baseline("demo", method="logreg"), SettingsError, "did you mean 'methods'"),
    "no such option": (lambda: featx.extract("demo", layr=2), SettingsError, "did you mean 'layer'"),
    "no such data option": (lambda: featx.load_dataset("demo", text="x"), SettingsError, "did you mean 'text_column'"),
    "a layer in words": (lambda: featx.extract("demo", layer="last"), SettingsError, "`layer` is 'last'"),
    "a pooling": (lambda: featx.extract("demo", pooling="min"), SettingsError, "`pooling` is 'min'"),
    "nothing": (lambda: featx.compare_runs(), RunError, "no runs given"),
    "no folder": (lambda: featx.predict("nowhere", "x"), RunError, "nowhere is no folder"),
    "no texts": (lambda: featx.predict("nowhere", []), RunError, "nowhere is no folder"),
    "a report of nothing": (lambda: featx.report("nowhere"), RunError, "holds no runs"),
    "a trainer setting": (lambda: featx.finetune("demo", lr=1), SettingsError, "unknown key 'lr'"),
    "a saving setting": (lambda: featx.finetune("demo", save_step=9), SettingsError, "did you mean 'save_steps'"),
    "a tracking setting": (lambda: featx.finetune("demo", wandb_name="x"), SettingsError, "did you mean 'wandb"),
    "a compute setting": (lambda: featx.finetune("demo", devise="cpu"), SettingsError, "did you mean 'device'"),
    "a place": (lambda: featx.baseline("demo", result="x"), SettingsError, "did you mean 'results'"),
    "when to save": (
        lambda: featx.finetune("demo", save_strategy="often"),
        SettingsError,
        "expected one of: no, epoch",
    ),
    "steps in words": (
        lambda: featx.finetune("demo", save_steps="ten"),
        SettingsError,
        "'ten'; expected a whole number",
    ),
    "a rate in words": (lambda: featx.finetune("demo", learning_rate="high"), SettingsError, "expected a number"),
    "a rate of nothing": (lambda: featx.finetune("demo", learning_rate=None), SettingsError, "None; expected a number"),
    "a flag in words": (lambda: featx.finetune("demo", resume="no"), SettingsError, "'no'; expected true or false"),
    "wandb by a flag": (lambda: featx.finetune("demo", wandb=True), SettingsError, "expected one of: off, offline"),
    "seeds in words": (
        lambda: featx.baseline("demo", seeds="zero"),
        SettingsError,
        "whole numbers from 0",
    ),
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
