"""Experiment files: unknown keys and wrong kinds are named with the nearest valid one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from tiny import write_tweeteval

from featx.errors import SettingsError
from featx.experiment.example import example
from featx.experiment.plan import CheckpointSettings, planned_runs, read_plan, run_plan, steps
from featx.experiment.progress import Silent
from featx.experiment.workspace import Workspace, cache_folder, name_of_address
from featx.settings import (
    BaselineSettings,
    ComputeSettings,
    DataSettings,
    Device,
    FeatureSettings,
    FinetuneSettings,
    Pooling,
    ReportSettings,
    SaveStrategy,
    SavingSettings,
    TrackingSettings,
    WandbMode,
)
from featx.training import trainer


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
[saving]
save_strategy = "steps"
save_steps = 50
resume = false
[tracking]
wandb = "offline"
wandb_project = "tweets"
[report]
metric = "accuracy"
"""


def test_every_table(tmp_path: Path) -> None:
    made = plan(tmp_path, FULL)
    assert made.workspace.experiment == "tweets"
    assert made.data.split_seed == 3
    assert made.checkpoints == (CheckpointSettings("demo"),)
    assert made.features.layer == (-1,)
    assert made.features.pooling == (Pooling.MEAN,)
    assert made.compute.device is Device.CPU
    assert made.baseline == BaselineSettings(methods=("majority", "logreg"))
    assert made.finetune == FinetuneSettings(num_train_epochs=3.0, learning_rate=1e-4, seeds=(0, 1))
    assert made.saving == SavingSettings(resume=False, save_strategy=SaveStrategy.STEPS, save_steps=50)
    assert made.tracking == TrackingSettings(WandbMode.OFFLINE, "tweets")
    assert made.report.metric == "accuracy"


def test_a_plan_saves_and_tracks_as_it_says(
    tmp_path: Path, tweets: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    made = plan(
        tmp_path,
        f'''
experiment = "x"
data.address = "{tweets}"
checkpoint.name = "{tiny}"
finetune = {{ num_train_epochs = 1, per_device_train_batch_size = 8 }}
saving = {{ save_strategy = "steps", save_steps = 3 }}
tracking.wandb = "offline"
''',
    )
    real, steps_saved = trainer.write_checkpoint, []

    def write(folder: Path, step: int, *rest: object) -> Path:
        steps_saved.append(step)
        return real(folder, step, *rest)

    monkeypatch.setattr(trainer, "write_checkpoint", write)
    run_plan(made, Workspace(results=tmp_path / "results", cache_dir=tmp_path / "cache"), Silent())
    assert steps_saved[:2] == [3, 6]
    assert list((tmp_path / "results" / "x" / "wandb").glob("offline-run-*/*.wandb"))


def test_all_layers(tmp_path: Path) -> None:
    assert plan(tmp_path, '[data]\n[features]\nlayers = "all"').features.layer is None


def test_only_the_steps_asked_for(tmp_path: Path) -> None:
    both = plan(tmp_path, '[data]\naddress = "demo"\n')
    assert both.baseline == BaselineSettings()
    assert both.finetune == FinetuneSettings()
    one = plan(tmp_path, '[data]\naddress = "demo"\n[baseline]\n')
    assert one.finetune is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[data]\naddress = "x"\n[saving]\nsave_steps = 0', r"save_steps is 0; expected 1 or more"),
        ('[data]\naddress = "x"\n[saving]\nsave_strategy = "often"', r"expected one of: no, epoch, steps"),
        ('[data]\naddress = "x"\n[tracking]\nwandb = true', r"expected one of: off, offline, online"),
        ('[data]\nadress = "x"', r"data: unknown key 'adress'; did you mean 'dataset'\?"),
        ('[dta]\naddress = "x"', r"unknown key 'dta'; did you mean 'data'\?"),
        ('[data]\naddress = "x"\n[finetune]\nlr = 1', r"finetune: unknown key 'lr'"),
        ('[data]\naddress = "x"\n[finetune]\nlearning_rte = 1', r"did you mean 'learning_rate'\?"),
        ('[data]\naddress = 5', r"experiment\.toml: data\.dataset is 5; expected a string"),
        ('[data]\naddress = "x"\n[finetune]\nseeds = ["a"]', r"finetune\.seeds is \['a'\]; expected whole numbers from 0"),
        ('[data]\naddress = "x"\n[finetune]\nseeds = [true]', r"finetune\.seeds is \[True\]; expected whole numbers"),
        ('[data]\naddress = "x"\n[finetune]\nseeds = []', r"finetune\.seeds is empty"),
        ('[data]\naddress = "x"\n[features]\npoolings = ["sum"]', r"'sum'\]; expected one or more of: auto, cls, mean"),
        ('[data]\naddress = "x"\ntest_fraction = 1.0', r"data\.test_fraction is 1\.0; expected a number above 0 and below 1"),
        ('[data]\naddress = "x"\nsplit_seed = -1', r"data\.split_seed is -1; expected a whole number from 0"),
        ('[data]\naddress = "x"\n[finetune]\nseeds = [-1]', r"seeds is \[-1\]; expected whole numbers"),
        ('[data]\naddress = "x"\n[report]\nconfidence = 95', r"report\.confidence is 95; expected a number above 0 and below 1"),
        ('[data]\naddress = "x"\n[report]\nn_resamples = 0', r"n_resamples is 0; expected 999 or more"),
        ('data = 3', r"data is 3; expected a table"),
        ('experiment = "x"', r"no \[data\] table; expected at least"),
        ('experiment = 3\n[data]', r"experiment is 3; expected a string"),
        ('seeds = []\n[data]', r"experiment\.toml: seeds is empty"),
        ('checkpoint = []\n[data]', r"checkpoint is empty"),
        ('checkpoint = 3\n[data]', r"checkpoint is 3; expected a table"),
        ('baseline = 3\n[data]', r"baseline is 3; expected a table"),
        ('[data]\n[[checkpoint]]\nname = "a"\n[[checkpoint]]\nname = "a"', r"'a' is named twice"),
        ('[data', r"is no TOML"),
        ("[data]\naddress = " + "[" * 50_000, r"is no TOML"),
    ],
)  # fmt: skip
def test_errors(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        plan(tmp_path, text)


def test_wrong_names_are_found_before_any_work(tmp_path: Path) -> None:
    from featx.errors import FeatxError

    for table, words in (
        ('[report]\nmetric = "f1"', "`metric` is 'f1'"),
        ('[baseline]\nmethods = ["svm"]', "method 'svm' is unknown"),
        ("[finetune]\nmax_steps = 0", "`max_steps` is 0"),
    ):
        made = plan(tmp_path, f'[data]\naddress = "nowhere.csv"\n{table}\n')
        with pytest.raises(FeatxError, match=words):
            run_plan(made, Workspace(results=tmp_path), Silent())


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"is not there"):
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
    assert Workspace().experiment_name(address)
    assert name_of_address(address) == Workspace().experiment_name(address)


def test_experiment_names_are_checked() -> None:
    with pytest.raises(SettingsError, match=r"`experiment` is '\.\./x'"):
        Workspace(experiment="../x").experiment_name("demo")


def test_seeds_of_every_step(tmp_path: Path) -> None:
    made = plan(tmp_path, "seeds = [3, 4]\n[data]\n[baseline]\n[finetune]\nseeds = [0]\n")
    assert made.baseline.seeds == (3, 4)
    assert made.finetune.seeds == (0,)


def test_the_printed_example_is_the_default(tmp_path: Path) -> None:
    made = plan(tmp_path, example())
    assert made == plan(tmp_path, "[data]\n")
    assert made.data == DataSettings()
    assert made.checkpoints == (CheckpointSettings(),)
    assert (made.features, made.compute, made.report) == (FeatureSettings(), ComputeSettings(), ReportSettings())
    assert (made.baseline, made.finetune) == (BaselineSettings(), FinetuneSettings())
    assert (made.saving, made.tracking) == (SavingSettings(), TrackingSettings())


def test_the_printed_example_names_every_setting(tmp_path: Path) -> None:
    """Uncommented, each line parses too: nothing is there under a wrong name."""
    text = example()
    kinds = (DataSettings, FeatureSettings, ComputeSettings, BaselineSettings, FinetuneSettings, ReportSettings)
    for kind in (*kinds, SavingSettings, TrackingSettings):
        for setting in fields(kind):
            assert re.search(rf"^(# )?{setting.name} = ", text, re.MULTILINE), setting.name
    bare = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE).replace('"…"', '"x"')
    before, _, after = bare.partition("# [compare]")  # commented out as a whole: with it all else is its matter
    compare, _, rest = after.partition("\n\n")
    assert plan(tmp_path, f"{before}{rest}").data.text_column == "x"
    made = plan(tmp_path, f'[data]\ndataset = "x"\n[compare]{compare}')
    assert (made.compare.budget, made.baseline, made.finetune) == ("30m", None, None)


def test_several_checkpoints_have_a_folder_each(tmp_path: Path) -> None:
    text = (
        '[data]\naddress = "demo"\n[[checkpoint]]\nname = "a/base"\n[[checkpoint]]\nname = "b/small"\nrevision = "v1"\n'
    )
    made = plan(tmp_path, text)
    assert made.checkpoints == (CheckpointSettings("a/base"), CheckpointSettings("b/small", "v1"))
    first, second = steps(made, Workspace(experiment="x"))
    assert [step.workspace.experiment for step in (first, second)] == ["x-base", "x-small"]
    assert first.baseline.methods == ("majority", "tfidf-logreg", "logreg")
    assert second.baseline.methods == ("logreg",), "methods on texts alone would be the same again"
    assert first.finetune == second.finetune
    same = plan(tmp_path, text.replace("b/small", "c/base"))
    assert [step.workspace.experiment for step in steps(same, Workspace())] == ["demo-base-1", "demo-base-2"]
    texts_only = plan(tmp_path, text + '[baseline]\nmethods = ["majority"]\n')
    assert [step.baseline is None for step in steps(texts_only, Workspace())] == [False, True]


def test_dry_run_says_what_is_done(tmp_path: Path, tweets: Path, tiny: Path) -> None:
    workspace = Workspace(results=tmp_path / "results", cache_dir=tmp_path / "cache")
    text = f'''
[data]
address = "{tweets}"
[checkpoint]
name = "{tiny}"
[baseline]
methods = ["majority", "logreg"]
seeds = [0, 1]
[finetune]
'''
    made = plan(tmp_path, text)
    assert [(run.folder.parts[-2:], run.state) for run in planned_runs(made, workspace)] == [
        (("majority", "seed-0"), "to do"),
        (("majority", "seed-1"), "to do"),
        (("logreg", "seed-0"), "to do"),
        (("logreg", "seed-1"), "to do"),
        (("finetune", "seed-0"), "to do"),
    ]
    assert not (tmp_path / "results").exists()
    run_plan(plan(tmp_path, text.replace("[finetune]", "").replace("seeds = [0, 1]", "")), workspace, Silent())
    states = {run.folder.parts[-2:]: run.state for run in planned_runs(made, workspace)}
    assert [key for key, state in states.items() if state == "done"] == [("majority", "seed-0"), ("logreg", "seed-0")]
    (workspace.results / "tweets/majority/seed-0/run.json").write_text("{")
    other = plan(tmp_path, text.replace(str(tweets), str(write_tweeteval(tmp_path / "other" / "tweets", seed=5))))
    said = [run.state for run in planned_runs(other, workspace)]
    assert said[0] == "broken; `overwrite` to replace it"
    assert said[2] == "there with other data; `overwrite` to replace it"


def test_several_checkpoints_make_one_report(tmp_path: Path, tweets: Path, checkpoints: Callable[[str], Path]) -> None:
    tables = "".join(f'[[checkpoint]]\nname = "{checkpoints(kind)}"\n' for kind in ("distilbert", "bert"))
    made = plan(tmp_path, f'experiment = "x"\n[data]\naddress = "{tweets}"\n{tables}[baseline]\n')
    workspace = Workspace(results=tmp_path / "results", cache_dir=tmp_path / "cache")
    reported = run_plan(made, workspace, Silent())
    assert reported.files[0] == tmp_path / "results" / "x" / "report" / "report.html"
    methods = sorted(row.method.partition(" @ ")[0] for row in reported.comparison.rows)
    assert methods == ["logreg", "logreg", "majority", "tfidf-logreg"]
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["x", "x-bert", "x-distilbert"]
    assert all(run.state == "done" for run in planned_runs(made, workspace))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (".".join("a" * 20_000) + " = 1", "a key of ten parts or more"),
        ("[" + ".".join("a" * 20_000) + "]", "a key of ten parts or more"),
        (".".join(['"a"'] * 20_000) + " = 1", "a key of ten parts or more"),
        ("x = {" * 5_000, "is no TOML"),
        ("[data]\nsplit_seed = " + "9" * 400, r"data\.split_seed is 9{60}; expected a whole number from 0"),
        ("[data]\nsplit_seed = " + "9" * 5_000, "is no TOML"),
        (
            "[data]\n[finetune]\nlearning_rate = " + "9" * 400,
            r"finetune\.learning_rate is 9+; expected a number above 0",
        ),
        ("[data]\n[finetune]\nlearning_rate = 1e999", r"finetune\.learning_rate is inf; expected a number above 0"),
        ("[data]\n" + "# " + "x" * 300_000, "has over 256 KiB"),
    ],
    ids=[
        "dotted key",
        "dotted table",
        "quoted parts",
        "nested",
        "400 digits",
        "5,000 digits",
        "a large rate",
        "infinite",
        "huge",
    ],
)
def test_no_file_takes_long_to_be_refused(tmp_path: Path, content: str, words: str) -> None:
    import time

    began = time.perf_counter()
    with pytest.raises(SettingsError, match=words) as error:
        plan(tmp_path, content)
    assert time.perf_counter() - began < 2
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_a_pipe_is_no_experiment_file(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(SettingsError, match="is no file; give an experiment file"):
        read_plan(tmp_path / "pipe.toml")


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from featx.settings import WorkspaceSettings, cache_place

    monkeypatch.setenv("HOME", str(tmp_path))
    made = plan(
        tmp_path, '[data]\ndataset = "~/x.csv"\n[checkpoint]\ncheckpoint = "~/m"\n[workspace]\nresults = "~/r"\n'
    )
    assert made.data.dataset == str(tmp_path / "x.csv")
    assert made.checkpoints[0].checkpoint == str(tmp_path / "m")
    assert made.workspace.results == tmp_path / "r"
    assert WorkspaceSettings(cache_dir="~/c").cache_dir == cache_place("~/c") == tmp_path / "c"
    monkeypatch.setenv("FEATX_CACHE_DIR", "~/from variable")
    assert cache_folder(None) == tmp_path / "from variable"
    assert DataSettings("~nobody-has-this-name/x").dataset == "~nobody-has-this-name/x"
    assert DataSettings("x~").dataset == "x~"


def test_what_the_command_line_says_comes_before_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    from featx.cli import main

    monkeypatch.setenv("FEATX_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "e.toml"
    path.write_text('[data]\n[baseline]\nmethods = "majority"\n[workspace]\nresults = "from-file"\nexperiment = "x"\n')

    def folder(*words: str) -> str:
        with pytest.raises(SystemExit):
            main(["run", str(path), "--dry-run", "--json", *words])
        return json.loads(capsys.readouterr().out)["runs"][0]["folder"]

    assert folder() == "from-file/x/majority/seed-0"
    assert folder("--experiment", "y") == "from-file/y/majority/seed-0"
    monkeypatch.setenv("FEATX_RESULTS", "from-variable")
    assert folder() == "from-variable/x/majority/seed-0"


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    from featx.cli import main
    from featx.settings.schema import json_schema

    with pytest.raises(SystemExit):
        main(["run", "--print-schema"])
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(json_schema()))


def test_errors_of_a_file_name_its_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from featx.cli import main

    path = tmp_path / "e.toml"
    path.write_text("[data]\n[finetune]\nmax_steps = 0\n")
    with pytest.raises(SystemExit):
        main(["run", str(path)])
    assert "finetune.max_steps is 0; expected 1 or more" in capsys.readouterr().err
