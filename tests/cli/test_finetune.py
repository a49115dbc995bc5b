"""``featx finetune`` in processes of its own: killed, interrupted, several at once; and what its runs record."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tiny import write_tweeteval
from trainings import start

from featx.cli import main

SPEED = ["--learning-rate", "3e-3", "--per-device-train-batch-size", "8", "--threads", "1", "--device", "cpu"]
Featx = Callable[..., tuple[int, str, str]]


@pytest.fixture
def featx(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Featx:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FEATX_CACHE_DIR", str(tmp_path / "cache"))

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return run


def record(folder: Path) -> dict[str, object]:
    return json.loads((folder / "run.json").read_text())


def table(folder: Path) -> list[dict[str, object]]:
    return pq.read_table(folder / "predictions.parquet").to_pylist()


def wait_for(pattern: str, folder: Path, process: subprocess.Popen[str], n: int = 1) -> None:
    deadline = time.monotonic() + 120
    while len(list(folder.glob(pattern))) < n:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no checkpoint came"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tweeteval(tmp_path_factory.mktemp("many") / "many", (320, 30, 30))


@pytest.mark.slow
def test_stopped_three_times_and_resumed_is_as_unbroken(featx: Featx, many: Path, tiny: Path, tmp_path: Path) -> None:
    """Killed, interrupted and terminated, each after another checkpoint; what needs no signal runs in this process."""
    command = ["finetune", "--dataset", many, "--checkpoint", tiny, *SPEED, "--num-train-epochs", "6"]
    command += ["--save-strategy", "steps", "--save-steps", "20", "--save-total-limit", "99"]
    folder = tmp_path / "results" / "many" / "finetune"
    for n, signum in enumerate([signal.SIGKILL, signal.SIGINT, signal.SIGTERM]):
        process = start(*command, "--results", tmp_path / "results", "--resume", OMP_NUM_THREADS="1")
        wait_for(".seed-0-checkpoints-*/step-*", folder, process, 2 * n + 1)
        process.send_signal(signum)
        out, err = process.communicate(timeout=60)
        assert process.returncode == (-9 if signum == signal.SIGKILL else 128 + signum), err
        assert out == ""
        assert "Traceback" not in err
        if signum != signal.SIGKILL:
            words = {signal.SIGINT: "featx: interrupted at step", signal.SIGTERM: "featx: terminated at step"}
            assert err.strip().splitlines()[-1].startswith(words[signum])
        assert not (folder / "seed-0").exists()
    code, _, err = featx(*command, "--results", tmp_path / "results")
    assert code == 0, err
    assert "going on from step" in err
    code, _, err = featx(*command, "--results", tmp_path / "unbroken")
    assert code == 0, err
    expected = tmp_path / "unbroken" / "many" / "finetune" / "seed-0"
    assert table(folder / "seed-0") == table(expected)
    assert record(folder / "seed-0")["history"] == record(expected)["history"]
    assert [path.name for path in folder.iterdir()] == ["seed-0"], "checkpoints are gone once the run is complete"


def test_terminated_while_loading_leaves_with_143(many: Path, tiny: Path, tmp_path: Path) -> None:
    process = start("finetune", "--dataset", many, "--checkpoint", tiny, "--results", tmp_path)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode in (143, -signal.SIGTERM)


def launched(launcher: list[str], command: list[object], results: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*launcher, "-m", "featx", *map(str, command), "--results", str(results)],
        capture_output=True, text=True, timeout=280, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.mark.slow
def test_two_processes_train_one_model_and_the_first_writes_alone(
    featx: Featx, many: Path, tiny: Path, tmp_path: Path
) -> None:
    """Two processes with batches of 4 take the steps of one with batches of 8, so that their losses are alike."""
    command = ["finetune", "--dataset", many, "--checkpoint", tiny, *SPEED, "--num-train-epochs", "2"]
    done = launched(TORCHRUN, [*command, "--per-device-train-batch-size", "4", "--json"], tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["runs"]) == 1, "output comes from the first process alone"
    code, _, err = featx(*command, "--results", tmp_path / "one")
    assert code == 0, err
    folders = [tmp_path / name / "many" / "finetune" for name in ("one", "two")]
    assert [path.name for path in folders[1].iterdir()] == ["seed-0"]
    records = [record(folder / "seed-0") for folder in folders]
    assert [r["environment"]["processes"] for r in records] == [1, 2]
    steps = [[entry["step"] for entry in r["history"] if "loss" in entry] for r in records]
    assert steps[0] == steps[1]
    losses = [np.array([entry["loss"] for entry in r["history"] if "loss" in entry]) for r in records]
    assert np.allclose(losses[0][:3], losses[1][:3], rtol=0.1)
    evaluated = [entry for entry in records[1]["history"] if "eval_f1_macro" in entry]
    assert records[1]["selection"]["best_score"] == max(entry["eval_f1_macro"] for entry in evaluated)
    assert records[1]["metrics"]["validation"]["f1_macro"] == pytest.approx(records[1]["selection"]["best_score"])


@pytest.mark.slow
def test_accelerate_launch(many: Path, tiny: Path, tmp_path: Path) -> None:
    """On a CPU accelerate starts several processes by MPI only; on GPUs it starts them as torchrun does."""
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1"]
    launcher += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    command = ["finetune", "--dataset", many, "--checkpoint", tiny, *SPEED, "--num-train-epochs", "1", "--json"]
    done = launched(launcher, command, tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runs"][0]["environment"]["processes"] == 1


@pytest.mark.slow
def test_wrong_settings_are_said_once_by_two_processes(many: Path, tiny: Path, tmp_path: Path) -> None:
    done = launched(TORCHRUN, ["finetune", "--dataset", many, "--checkpoint", tiny, "--optim", "lion"], tmp_path)
    assert done.returncode != 0
    assert done.stderr.count("featx: error: --optim is 'lion'; expected one of: adamw_torch") == 1


def test_what_a_run_records(featx: Featx, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    code, _, err = featx("finetune", "--dataset", tweets, "--checkpoint", tiny, *SPEED, "--num-train-epochs", "3")
    assert code == 0, err
    run = tmp_path / "results/tweets/finetune/seed-0"
    facts = record(run)
    assert facts["peak_memory_bytes"] > 50e6
    assert facts["model_bytes"] == sum(path.stat().st_size for path in (run / "model").iterdir())
    assert facts["under_trained"] in (True, False)
    selection = facts["selection"]
    codes = {caveat["code"] for caveat in facts["caveats"]}
    assert bool(codes & {"under-trained", "learned-nothing"}) == facts["under_trained"]
    assert [trial["params"] for trial in selection["trials"]] == [{"learning_rate": 3e-3, "num_train_epochs": 3.0}]
    assert selection["best_score"] == max(e["eval_f1_macro"] for e in facts["history"] if "eval_f1_macro" in e)
    for entry in facts["history"]:
        assert {"step", "epoch"} <= set(entry)
        assert {"loss", "learning_rate"} <= set(entry) or {"eval_loss", "eval_f1_macro", "eval_accuracy"} <= set(entry)
    assert "r" not in facts["settings"]
    assert facts["settings"]["dtype"] == "float32"


def test_under_trained_is_marked_with_advice(featx: Featx, many: Path, tiny: Path, tmp_path: Path) -> None:
    """After the first of two epochs it has hardly begun to learn; the second one takes it half of the way."""
    settings = [*SPEED, "--num-train-epochs", "2", "--per-device-train-batch-size", "2"]
    code, _, err = featx("finetune", "--dataset", many, "--checkpoint", tiny, *settings)
    assert code == 0, err
    facts = record(tmp_path / "results/many/finetune/seed-0")
    assert facts["under_trained"] is True
    advice = "still improving at the end: raise `num_train_epochs` above 2 or `learning_rate` above 0.003"
    assert facts["caveats"][0]["code"] == "under-trained"
    assert facts["caveats"][0]["text"].startswith(f"under-trained, {advice}")
    assert "still improving at the end: raise --num-train-epochs above 2 or --learning-rate above 0.003" in err
    code, out, err = featx("report", tmp_path / "results/many", "--format", "md")
    assert code == 0, err
    assert "under-trained" in next(line for line in out.splitlines() if line.startswith("| finetune"))
    said = " ".join(featx("report", tmp_path / "results/many")[1].split())
    assert "finetune: under-trained, still improving at the end: raise" in said


@pytest.mark.parametrize("rate", ["1e-9", "3"])
def test_a_training_that_learns_nothing_is_marked(
    featx: Featx, many: Path, tiny: Path, tmp_path: Path, rate: str
) -> None:
    settings = [*SPEED, "--learning-rate", rate, "--num-train-epochs", "3", "--class-weights", "balanced"]
    code, _, err = featx("finetune", "--dataset", many, "--checkpoint", tiny, *settings)
    assert code == 0, err
    facts = record(tmp_path / "results/many/finetune/seed-0")
    assert facts["under_trained"] is True
    assert facts["caveats"][0]["code"] == "learned-nothing"
    assert f"another `learning_rate` than {rate}" in facts["caveats"][0]["text"].replace("e-09", "e-9")
    assert "learned nothing" in err


def test_methods_have_names_of_their_own(featx: Featx, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    base = ["finetune", "--dataset", tweets, "--checkpoint", tiny, *SPEED, "--num-train-epochs", "1"]
    for method, name in {"full": "finetune", "lp": "finetune-lp", "lora": "finetune-lora"}.items():
        code, out, err = featx(*base, "--method", method)
        assert code == 0, err
        assert f"tweets/{name}/seed-0" in out
        facts = record(tmp_path / "results/tweets" / name / "seed-0")
        assert facts["method"] == name
        texts = (tweets / "test_text.txt").read_text().split("\n")
        shown = json.loads(featx("predict", tmp_path / "results/tweets" / name / "seed-0", *texts, "--json")[1])
        stored = [row for row in table(tmp_path / "results/tweets" / name / "seed-0") if row["split"] == "test"]
        expected = [[row[f"score_{label}"] for label in facts["label_names"]] for row in stored]
        assert np.allclose([list(p["scores"].values()) for p in shown["predictions"]], expected, atol=1e-6)
        if method == "lp":
            assert facts["timings"]["extract_seconds"] > 0
            assert facts["history"][0]["step"] == 0
            assert facts["history"][0]["eval_f1_macro"] == pytest.approx(facts["selection"]["probe"]["score"])
    assert featx("report", tmp_path / "results/tweets")[0] == 0


def test_search_is_recorded_and_repeatable(featx: Featx, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    command = ["finetune", "--dataset", tweets, "--checkpoint", tiny, *SPEED, "--search", "3", "--search-warmup"]
    code, _, err = featx(*command)
    assert code == 0, err
    assert [f"trial {k} of 3" in err for k in (1, 2, 3)] == [True] * 3
    featx(*command, "--experiment", "again")
    first, second = (record(tmp_path / "results" / name / "finetune/seed-0") for name in ("tweets", "again"))
    trials = [
        [(t["params"], t["score"], t["state"]) for t in facts["selection"]["trials"]] for facts in (first, second)
    ]
    assert len(trials[0]) == 3
    assert trials[0] == trials[1]
    best = max(score for _, score, state in trials[0] if state == "complete")
    assert first["selection"]["best_score"] == best
    assert first["timings"]["fit_seconds"] > 0
    assert sorted(path.name for path in (tmp_path / "results/tweets/finetune").iterdir()) == ["seed-0"]


def test_texts_are_tokenised_once_for_all_seeds_and_trials(
    featx: Featx, tweets: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The predictions that are recorded tokenise anew, since that is part of what a prediction costs."""
    from featx.features.tokens import Tokenizer

    real, seen = Tokenizer.__call__, []

    def count(self: object, texts: object, *more: object) -> object:
        seen.append(len(texts))
        return real(self, texts, *more)

    monkeypatch.setattr(Tokenizer, "__call__", count)
    command = ["finetune", "--dataset", tweets, "--checkpoint", tiny, *SPEED, "--search", "2", "--seeds", "0,1"]
    assert featx(*command)[0] == 0
    assert seen.count(60) == 1, seen
    assert seen.count(15) == 1 + 2, seen


def test_settings_that_came_later_leave_earlier_runs_what_they_are() -> None:
    from featx.settings import FinetuneSettings, identity_facts

    assert not {"max_steps", "logging_steps"} & set(identity_facts(FinetuneSettings()))
    facts = identity_facts(FinetuneSettings(max_steps=9, logging_steps=2))
    assert (facts["max_steps"], facts["logging_steps"]) == (9, 2)


def test_wandb_failing_ends_nothing(
    featx: Featx, tweets: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    def refuse(*args: object, **kwargs: object) -> None:
        raise wandb.errors.CommError("no server")

    monkeypatch.setattr(wandb, "init", refuse)
    base = ["finetune", "--dataset", tweets, "--checkpoint", tiny, *SPEED, "--num-train-epochs", "1"]
    code, _, err = featx(*base, "--wandb", "online")
    assert code == 0, err
    assert "Weights & Biases failed (no server); the run goes on without it" in err
    assert (tmp_path / "results/tweets/finetune/seed-0/run.json").exists()


def test_a_whole_training_tells_wandb_no_secret(tweets: Path, tiny: Path, tmp_path: Path) -> None:
    """Secrets in every name that a command knows: data, checkpoint, working folder, cache, home, environment."""
    folder = tmp_path / "PLANTEDFOLDER"
    data, checkpoint = (
        shutil.copytree(tweets, folder / "PLANTEDDATA"),
        shutil.copytree(tiny, folder / "PLANTEDNAME" / "c"),
    )
    variables = {"HOME": folder / "home", "FEATX_CACHE_DIR": folder / "cache", "USER": "PLANTEDUSER", "A_TOKEN": "PLANTEDENV",
                 "WANDB_API_KEY": "PLANTEDKEY" + "0" * 30}  # fmt: skip
    command = ["finetune", "--dataset", data, "--checkpoint", checkpoint, *SPEED, "--experiment", "plain"]
    command += ["--wandb", "offline", "--num-train-epochs", "1", "--method", "lp"]
    done = subprocess.run(
        [sys.executable, "-m", "featx", *map(str, command)], capture_output=True, text=True, timeout=120, cwd=folder,
        env=os.environ | {name: str(value) for name, value in variables.items()},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Weights & Biases" not in done.stderr
    files = [path for path in (folder / "results/plain/wandb").rglob("*") if path.is_file()]
    assert any(path.suffix == ".wandb" for path in files)
    texts = (tweets / "test_text.txt").read_text().split("\n") + (tweets / "val_text.txt").read_text().split("\n")
    for path in files:
        content = path.read_bytes()
        for secret in ("PLANTED", *texts):
            assert secret.encode() not in content, f"{secret!r} is in {path}"


def test_settings_of_the_experiment_file(featx: Featx, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(
        f'[data]\naddress = "{tweets}"\n[checkpoint]\nname = "{tiny}"\n[finetune]\nmethod = "lora"\nr = 2\n'
        'dtype = "bfloat16"\nclass_weights = "balanced"\ngradient_checkpointing = true\nearly_stopping_patience = 1\n'
        "num_train_epochs = 1\n"
    )
    code, _, err = featx("run", "e.toml")
    assert code == 0, err
    assert record(tmp_path / "results/tweets/finetune-lora/seed-0")["settings"]["dtype"] == "bfloat16"


ERRORS = {
    "method": (["--method", "half"], r"--method is 'half'; expected one of: full, lp, lora"),
    "dtype": (["--dtype", "float16"], r"dtype is 'float16', which cannot be trained on cpu"),
    "class weights": (["--class-weights", "some"], r"--class-weights is 'some'; expected one of: none, balanced"),
    "save strategy": (["--save-strategy", "often"], r"--save-strategy is 'often'; expected one of: no, epoch, steps"),
    "save steps": (["--save-steps", "0"], r"--save-steps is 0; expected 1 or more"),
    "wandb": (["--wandb", "on"], r"--wandb is 'on'; expected one of: off, offline, online"),
    "layers": (["--freeze-layers", "9"], r"--freeze-layers is 9; expected 0 to 2"),
    "patience": (["--early-stopping-patience", "0"], r"--early-stopping-patience is 0; expected 1 or more"),
    "search": (["--search", "-2"], r"--search is -2; expected 0 or more"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_settings_are_one_line(featx: Featx, tweets: Path, tiny: Path, name: str) -> None:
    import re

    options, words = ERRORS[name]
    code, out, err = featx("finetune", "--dataset", tweets, "--checkpoint", tiny, "--device", "cpu", *options)
    assert (code, out) == (2, "")
    assert re.search(words, err), err
    assert len(err.strip().splitlines()) == 1
