"""The command line from data to report and prediction, in this process and under warnings as errors."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from buckets import content, keys
from tiny import write_tweeteval

from featx.cli import main

Run = Callable[..., tuple[int, str, str]]
TRAIN = ["--learning-rate", "3e-3", "--num-train-epochs", "2", "--per-device-train-batch-size", "8"]


@pytest.fixture
def featx(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command with its own cache and results: exit code, standard output, standard error."""
    monkeypatch.setenv("FEATX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("FEATX_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("FEATX_DEVICE", "cpu")

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return run


def test_extraction_into_an_object_store(featx: Run, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}/featx"
    data = ["--dataset", tweets, "--checkpoint", tiny, "--json"]
    made = [json.loads(featx("extract", *data, *place)[1]) for place in ([], *[["--cache-dir", url]] * 2)]
    assert [(one["encoded"], one["reused"]) for one in made] == [(105, 0), (105, 0), (0, 105)]
    assert len({one["digest"] for one in made}) == 1
    stored = {key.rpartition("/")[2]: content(url, key) for key in keys(url, ".npy")}
    assert stored == {path.name: path.read_bytes() for path in (tmp_path / "cache").rglob("*.npy")}


def test_whole_comparison(featx: Run, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    data = ["--dataset", tweets, "--checkpoint", tiny]
    code, out, err = featx("extract", *data, "--json")
    assert (code, err) == (0, "--pooling auto is cls: an encoder that says nothing else of itself\n")
    extracted = json.loads(out)
    assert (extracted["texts"], extracted["encoded"], extracted["reused"]) == (105, 105, 0)
    assert extracted["texts_per_second"] == pytest.approx(105 / extracted["extract_seconds"], rel=1e-3)
    assert (extracted["hidden_size"], extracted["device"], extracted["dtype"]) == (32, "cpu", "float32")
    assert extracted["spec"]["layer"] == 2
    assert len(extracted["digest"]) == 64

    code, out, _ = featx("baseline", *data)
    assert code == 0
    assert [line.split()[0].split("/")[-2] for line in out.splitlines()] == ["majority", "tfidf-logreg", "logreg"]
    code, out, _ = featx("finetune", *data, *TRAIN, "--seeds", "0,1", "--json")
    assert code == 0
    records = json.loads(out)["runs"]
    assert [record["seed"] for record in records] == [0, 1]
    assert records[0]["settings"]["learning_rate"] == 3e-3

    results = tmp_path / "results" / "tweets"
    code, out, _ = featx("report", results)
    assert code == 0
    for method in ("majority", "tfidf-logreg", "logreg", "finetune"):
        assert (results / "report" / "figures" / f"confusion-{method}.svg").is_file()
        assert any(line.startswith(method) for line in out.splitlines())
    assert "vs finetune" in out

    for method in ("logreg", "tfidf-logreg", "finetune"):
        run = results / method / "seed-0"
        texts = (tweets / "test_text.txt").read_text().split("\n")
        code, out, err = featx("predict", run, *texts, "--json")
        assert (code, err) == (0, "")
        labels = [row["label"] for row in json.loads(out)["predictions"]]
        import pyarrow.parquet as pq

        stored = pq.read_table(run / "predictions.parquet").to_pylist()
        names = json.loads((run / "run.json").read_text())["label_names"]
        assert labels == [names[row["y_pred"]] for row in stored if row["split"] == "test"]
        scores = [list(row["scores"].values()) for row in json.loads(out)["predictions"]]
        expected = [[row[f"score_{name}"] for name in names] for row in stored if row["split"] == "test"]
        assert np.allclose(scores, expected, atol=1e-6)


def test_second_run_reuses_everything(featx: Run, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    data = ["--dataset", tweets, "--checkpoint", tiny]
    featx("baseline", *data)
    record = tmp_path / "results/tweets/logreg/seed-0/run.json"
    before = record.stat().st_mtime_ns
    code, _, err = featx("baseline", *data)
    assert code == 0
    assert "seed-0 is there with the same data and settings: kept" in err
    assert record.stat().st_mtime_ns == before
    assert json.loads(featx("extract", *data, "--json")[1])["encoded"] == 0


def test_other_settings_need_another_name_or_overwrite(featx: Run, tweets: Path, tiny: Path) -> None:
    data = ["--dataset", tweets, "--checkpoint", tiny, "--methods", "logreg"]
    featx("baseline", *data)
    code, _, err = featx("baseline", *data, "--pooling", "mean")
    assert code == 1
    assert "holds a run with other features; give another --experiment, or --overwrite" in err
    assert featx("baseline", *data, "--pooling", "mean", "--experiment", "mean")[0] == 0
    assert featx("baseline", *data, "--pooling", "mean", "--overwrite")[0] == 0


def test_npz_loads_without_pickle(featx: Run, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "out" / "features.npz"
    data = ["--dataset", tweets, "--checkpoint", tiny, "--output", path]
    assert featx("extract", *data)[0] == 0
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["train_features"].shape == (60, 32)
        assert arrays["train_features"].dtype == np.float32
        assert arrays["test_labels"].shape == (30,)
        assert arrays["label_names"].tolist() == ["negative", "neutral", "positive"]
        assert json.loads(str(arrays["spec"]))["layer"] == 2
    assert featx("extract", *data, "--layer", "all", "--splits", "test")[0] == 0
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["test_features"].shape == (30, 3, 32)
        assert "train_features" not in arrays
    assert featx("extract", *data, "--layer", "0,-1", "--pooling", "cls,mean", "--splits", "test")[0] == 0
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["test_features_mean"].shape == (30, 2, 32)
    assert [p.name for p in path.parent.iterdir()] == ["features.npz"]


def test_experiment_file(featx: Run, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text(
        f'experiment = "toml"\n[data]\naddress = "{tweets}"\n[checkpoint]\nname = "{tiny}"\n'
        '[baseline]\nmethods = ["majority", "logreg"]\n[finetune]\nnum_train_epochs = 1\n'
    )
    code, out, _ = featx("run", file)
    assert code == 0
    assert "report: " in out
    code, _, err = featx("run", file)
    assert code == 0
    assert err.count("kept") == 3


def test_predict_reads_lines(featx: Run, tweets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    featx("baseline", "--dataset", tweets, "--methods", "tfidf-logreg")
    run = tmp_path / "results/tweets/tfidf-logreg"
    (tmp_path / "lines.txt").write_text("a good day\n\na bad day\n")
    refused = featx("predict", run, "--input", tmp_path / "lines.txt")
    assert refused[0] == 1
    assert "1 of 3 rows have no text, the first is line 2; give --on-blank skip" in refused[2]
    from_file = featx("predict", run, "--input", tmp_path / "lines.txt", "--on-blank", "skip")
    assert from_file[0] == 0
    assert len(from_file[1].splitlines()) == 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a good day\na bad day\n")))
    assert featx("predict", run) == from_file


def test_report_formats_on_standard_output(featx: Run, tweets: Path, tmp_path: Path) -> None:
    featx("baseline", "--dataset", tweets, "--methods", "majority,tfidf-logreg")
    results = tmp_path / "results/tweets"
    assert json.loads(featx("report", results, "--format", "json")[1])["rows"][0]["method"] == "tfidf-logreg"
    assert featx("report", results, "--format", "csv")[1].startswith("method,control,features,")
    assert featx("report", results, "--format", "tex", "--reference", "majority")[1].count(r"\\") == 3


ERRORS = {
    "unknown method": (["baseline", "--methods", "svm"], 2, r"method 'svm' is unknown; expected one of: majority"),
    "unknown pooling": (
        ["extract", "--pooling", "min"],
        2,
        r"--pooling is 'min'; expected one or more of: auto, cls, mean, max, w",
    ),
    "unknown dtype": (["extract", "--dtype", "int8"], 2, r"--dtype is 'int8'; expected one of: auto, float32"),
    "unknown device": (["extract", "--device", "tpu"], 2, r"--device is 'tpu'; expected one of: auto, cpu"),
    "bad layer": (["extract", "--layer", "last"], 2, r"--layer is 'last'; expected whole numbers"),
    "bad seeds": (["baseline", "--seeds", "a"], 2, r"--seeds is 'a'; expected whole numbers"),
    "negative seed": (["finetune", "--seeds", "-1"], 2, r"--seeds is '-1'; expected whole numbers from 0"),
    "bad name": (["baseline", "--experiment", "../x"], 2, r"--experiment is '../x'; expected 1 to 100 letters"),
    "unknown split": (["extract", "--splits", "dev"], 2, r"--splits names 'dev'; expected some of: train"),
    "bad threads": (["extract", "--threads", "0"], 2, r"--threads is 0; expected 1 or more"),
    "unknown combine": (
        ["baseline", "--combine", "sum"],
        2,
        r"--combine is 'sum'; expected one of: each, concat, both",
    ),
    "one fold": (["baseline", "--cv", "1"], 2, r"--cv is 1; expected 2 folds or more"),
    "unknown refit": (
        ["baseline", "--refit", "all"],
        2,
        r"--refit is 'all'; expected one of: train, train\+validation",
    ),
    "unknown calibration": (["baseline", "--calibrate", "platt"], 2, r"--calibrate is 'platt'; expected one of: none"),
    "no time": (["baseline", "--time-limit", "0"], 2, r"--time-limit is 0; expected seconds above 0"),
    "no jobs": (["baseline", "--jobs", "0"], 2, r"--jobs is 0; expected 1 or more"),
    "controls of texts": (["baseline", "--controls", "--methods", "majority"], 2, r"--controls needs a method on feat"),
    "no epochs": (["finetune", "--num-train-epochs", "0"], 2, r"--num-train-epochs is 0; expected a number above 0"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_settings_are_one_line(featx: Run, tweets: Path, tiny: Path, name: str) -> None:
    (command, *rest), code, words = ERRORS[name]
    import re

    got, out, err = featx(command, "--dataset", tweets, "--checkpoint", tiny, *rest)
    assert (got, out) == (code, "")
    lines = err.strip().splitlines()
    assert re.search(words, lines[-1]), err
    assert lines[-1].startswith("featx: error: ")
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["extract"], 2, "Missing option '--dataset'"),
        (["extrct"], 2, "No such command 'extrct'"),
        (
            ["extract", "--dataset", "demo", "--batch-tokens", "many"],
            2,
            "--batch-tokens is 'many'; expected a whole number, 1 or more",
        ),
        (["report"], 2, "Missing argument"),
        (["report", "nowhere"], 1, "holds no runs"),
        (["report", "nowhere", "--format", "pdf"], 2, "--format is 'pdf'"),
        (["predict", "nowhere", "x"], 1, "nowhere is no folder"),
        (["run", "nowhere.toml"], 2, "is not there"),
        (["baseline", "--dataset", "nowhere.csv"], 1, "no file or folder 'nowhere.csv'"),
    ],
)
def test_wrong_usage(featx: Run, arguments: list[str], code: int, words: str) -> None:
    got, out, err = featx(*arguments)
    assert (got, out) == (code, "")
    assert words in err
    assert "Traceback" not in err


def test_predict_refuses_another_checkpoint(featx: Run, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    featx("baseline", "--dataset", tweets, "--checkpoint", copy, "--methods", "logreg")
    run = tmp_path / "results/tweets/logreg/seed-0"
    config = (copy / "config.json").read_text()
    (copy / "config.json").write_text(config.replace("0.1", "0.2"))
    code, _, err = featx("predict", run, "x")
    assert code == 1
    assert "is not the one that" in err
    assert featx("predict", run, "x", "--checkpoint", tiny)[0] == 0
    shutil.rmtree(copy)
    code, _, err = featx("predict", run, "x")
    assert code == 1
    assert "is no folder and no Hub name" in err


def test_predict_says_which_text_is_empty(featx: Run, tweets: Path, tmp_path: Path) -> None:
    featx("baseline", "--dataset", tweets, "--methods", "tfidf-logreg")
    run = tmp_path / "results/tweets/tfidf-logreg/seed-0"
    assert "text 2 is empty" in featx("predict", run, "fine", "  ")[2]
    assert "give TEXTS or --input, not both" in featx("predict", run, "fine", "--input", "x")[2]
    shutil.rmtree(run / "model")
    assert "is missing or not as it was saved" in featx("predict", run, "fine")[2]


@pytest.mark.parametrize("command", ["extract", "baseline", "finetune", "report", "run", "predict", "demo"])
def test_help_has_an_example(featx: Run, command: str) -> None:
    code, out, _ = featx(command, "--help")
    assert code == 0
    assert f"featx {command}" in out.split("Options:")[0].split("\n", 1)[1]


def test_every_option_has_an_environment_variable() -> None:
    import click

    from featx.cli.group import cli

    context = click.Context(cli)
    for name in cli.list_commands(context):
        for parameter in cli.get_command(context, name).params:
            if isinstance(parameter, click.Option) and parameter.name != "help":
                first = parameter.envvar if isinstance(parameter.envvar, str) else parameter.envvar[0]
                assert first.startswith("FEATX_"), (name, parameter.name)


def test_interrupt_leaves_with_130_and_keeps_what_was_finished(tmp_path: Path, tiny: Path) -> None:
    data = write_tweeteval(tmp_path / "many", (3000, 30, 30))
    command = [
        sys.executable, "-m", "featx", "extract", "--dataset", str(data), "--checkpoint", str(tiny),
        "--cache-dir", str(tmp_path / "cache"), "--batch-tokens", "16",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ),
        # Where the tests run in a shell's background, SIGINT is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 60

    def committed() -> bool:
        return any(path.name != "spec.json" for path in (tmp_path / "cache" / "features").rglob("*.json"))

    while not committed() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert json.loads(done.stdout)["encoded"] < 3060


def test_module_runs_under_warnings_as_errors(tmp_path: Path, tiny: Path, tweets: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:featx", "-m", "featx", "baseline", "--dataset", str(tweets),
         "--checkpoint", str(tiny), "--cache-dir", str(tmp_path / "c"), "--results", str(tmp_path / "r"), "--quiet"],
        capture_output=True, text=True, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
