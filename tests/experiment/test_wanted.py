"""A run that stands where another is wanted is found before any work, and nothing is written then."""

from __future__ import annotations

from pathlib import Path

import pytest

from featx.errors import RunError
from featx.experiment.plan import planned_runs, read_plan, run_plan
from featx.experiment.progress import Silent
from featx.experiment.workspace import Workspace
from featx.session import Session
from featx.settings import BaselineSettings, FeatureSettings, FinetuneSettings


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(results=tmp_path / "results", cache_dir=tmp_path / "cache")


def content(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_seed_with_other_settings_is_found_before_others_are_trained(
    tweets: Path, tiny: Path, workspace: Workspace
) -> None:
    session = Session(tweets, tiny, workspace=workspace)
    session.finetune(FinetuneSettings(max_steps=1, seeds=(0,)))
    before = content(workspace.results)
    with pytest.raises(RunError, match=r"finetune.seed-0 holds a run with other settings; .* \(1 of the 2 runs"):
        session.finetune(FinetuneSettings(max_steps=2, seeds=(5, 0)))
    assert content(workspace.results) == before


def test_features_of_other_layers_are_found_before_they_are_extracted(
    tweets: Path, tiny: Path, workspace: Workspace, tmp_path: Path
) -> None:
    session = Session(tweets, tiny, workspace=workspace)
    settings = BaselineSettings(methods=("logreg",), controls=True)
    session.baseline(settings, FeatureSettings())
    assert len(session.baseline(settings, FeatureSettings(layer=(2,)))) == 3  # the last layer under its number
    before = content(tmp_path)
    both = BaselineSettings(methods=("ridge", "logreg"), controls=True)
    with pytest.raises(RunError, match=r"logreg.seed-0 holds a run with other features; .* \(3 of the 4 runs"):
        session.baseline(both, FeatureSettings(layer=None))
    assert content(tmp_path) == before


def test_a_dry_run_says_what_the_run_would(tweets: Path, tiny: Path, workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    text = f'''
data.dataset = "{tweets}"
checkpoint.checkpoint = "{tiny}"
features.layer = %s
features.pooling = ["%s"]
[baseline]
methods = ["tfidf-logreg", "logreg"]
controls = true
%s'''
    path.write_text(text % (-1, "cls", ""))
    run_plan(read_plan(path), workspace, Silent())
    assert {run.state for run in planned_runs(read_plan(path), workspace)} == {"done"}
    other = "there with other features; `overwrite` to replace it"
    for layer, pooling in ((0, "cls"), (-1, "mean")):
        path.write_text(text % (layer, pooling, "[finetune]"))
        states = {run.folder.parent.name: run.state for run in planned_runs(read_plan(path), workspace)}
        assert states == {
            "tfidf-logreg": "done",
            "logreg": other,
            "logreg+random-encoder": other,
            "logreg+shuffled-labels": other,
            "finetune": "to do",
        }
        with pytest.raises(RunError, match=r"holds a run with other features; .* \(3 of the 5 runs"):
            run_plan(read_plan(path), workspace, Silent())
        assert not (workspace.results / "tweets" / "finetune").exists()
