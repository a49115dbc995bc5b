"""Experiment files: unknown keys and wrong kinds are named with the nearest valid one."""

from __future__ import annotations

from pathlib import Path

import pytest

from featx.config import BaselineSettings, Device, FinetuneSettings, Pooling
from featx.errors import SettingsError
from featx.experiment.places import Places, cache_folder, name_of_address
from featx.experiment.plan import read_plan


def plan(tmp_path: Path, text: str) -> object:
    path = tmp_path / "experiment.toml"
    path.write_text(text)
    return read_plan(path)


FULL = """
experiment = "tweets"
[data]
address = "demo"
split_seed = 3
[checkpoint]
name = "demo"
[features]
layers = -1
poolings = ["mean"]
max_length = 64
[compute]
device = "cpu"
[baseline]
methods = ["majority", "logreg"]
[finetune]
learning_rate = 1e-4
num_train_epochs = 3
seeds = [0, 1]
[report]
metric = "accuracy"
"""


def test_every_table(tmp_path: Path) -> None:
    made = plan(tmp_path, FULL)
    assert made.experiment == "tweets"
    assert made.data.split_seed == 3
    assert made.checkpoint.name == "demo"
    assert made.features.layers == (-1,)
    assert made.features.poolings == (Pooling.MEAN,)
    assert made.compute.device is Device.CPU
    assert made.baseline == BaselineSettings(methods=("majority", "logreg"))
    assert made.finetune == FinetuneSettings(num_train_epochs=3.0, learning_rate=1e-4, seeds=(0, 1))
    assert made.report.metric == "accuracy"


def test_only_the_steps_asked_for(tmp_path: Path) -> None:
    both = plan(tmp_path, '[data]\naddress = "demo"\n')
    assert both.baseline == BaselineSettings()
    assert both.finetune == FinetuneSettings()
    one = plan(tmp_path, '[data]\naddress = "demo"\n[baseline]\n')
    assert one.finetune is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[data]\nadress = "x"', r"data: unknown key 'adress'; did you mean 'address'\?"),
        ('[dta]\naddress = "x"', r"unknown key 'dta'; did you mean 'data'\?"),
        ('[data]\naddress = "x"\n[finetune]\nlr = 1', r"finetune: unknown key 'lr'"),
        ('[data]\naddress = "x"\n[finetune]\nlearning_rte = 1', r"did you mean 'learning_rate'\?"),
        ('[data]\naddress = 5', r"data\.address is 5; expected a string in quotes"),
        ('[data]\naddress = "x"\n[finetune]\nseeds = ["a"]', r"finetune\.seeds is 'a'; expected a whole number"),
        ('[data]\naddress = "x"\n[finetune]\nseeds = [true]', r"finetune\.seeds is True; expected a whole number"),
        ('[data]\naddress = "x"\n[finetune]\nseeds = []', r"finetune\.seeds is empty"),
        ('[data]\naddress = "x"\n[features]\npoolings = ["max"]', r"'max'; expected one of: cls, mean"),
        ('[data]\naddress = "x"\ntest_fraction = 1.0', r"test_fraction are 0.15 and 1; expected numbers above 0"),
        ('[data]\naddress = "x"\nsplit_seed = -1', r"split_seed is -1; expected whole numbers from 0"),
        ('[data]\naddress = "x"\n[finetune]\nseeds = [-1]', r"seeds is -1; expected whole numbers"),
        ('[data]\naddress = "x"\n[report]\nconfidence = 95', r"confidence is 95; expected a share"),
        ('[data]\naddress = "x"\n[report]\nn_resamples = 0', r"n_resamples is 0; expected 100 or more"),
        ('data = 3', r"data is 3; expected a table"),
        ('experiment = "x"', r"no \[data\] table; expected at least"),
        ('experiment = 3\n[data]', r"experiment is 3; expected a string"),
        ('[data', r"is no TOML"),
        ("[data]\naddress = " + "[" * 50_000, r"is no TOML"),
    ],
)  # fmt: skip
def test_errors(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        plan(tmp_path, text)


def test_wrong_names_are_found_before_any_work(tmp_path: Path) -> None:
    from featx.errors import FeatxError
    from featx.experiment.plan import run_plan
    from featx.experiment.progress import Silent

    for table, words in (
        ('[report]\nmetric = "f1"', "--metric is 'f1'"),
        ('[baseline]\nmethods = ["svm"]', "method 'svm' is unknown"),
        ("[finetune]\nlearning_rate = 0.0", "learning_rate is 0.0"),
    ):
        made = plan(tmp_path, f'[data]\naddress = "nowhere.csv"\n{table}\n')
        with pytest.raises(FeatxError, match=words):
            run_plan(made, Places(results=tmp_path), Silent())


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: No such file"):
        read_plan(tmp_path / "none.toml")
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"is no TOML"):
        read_plan(tmp_path / "x.toml")


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder(None).name == "featx"
    monkeypatch.setenv("FEATX_CACHE_DIR", str(tmp_path))
    assert cache_folder(None) == tmp_path
    assert cache_folder(Path("x")) == Path("x")


@pytest.mark.parametrize("address", ["demo", "a/b:c", "/data/My Reviews (2).csv", "...", "日本", "x" * 300])
def test_names_of_addresses_are_fit_for_folders(address: str) -> None:
    assert Places().experiment_name(address)
    assert name_of_address(address) == Places().experiment_name(address)


def test_experiment_names_are_checked() -> None:
    with pytest.raises(SettingsError, match=r"--experiment is '\.\./x'"):
        Places(experiment="../x").experiment_name("demo")
