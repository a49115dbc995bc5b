"""``baseline`` end to end with a tiny encoder: layers, controls, failures, seeds, and what a run records."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from featx.baselines import METHODS
from featx.baselines.grid_solvers import walking
from featx.baselines.registry import GridSolver as Walk
from featx.errors import DataError, RunError, SettingsError, TrainingError
from featx.experiment.workspace import Workspace
from featx.prediction import load_predictor
from featx.reporting import compare
from featx.runs import Run, read_run
from featx.session import Session
from featx.settings import (
    BaselineSettings,
    Calibration,
    Combine,
    FeatureSettings,
    Pooling,
    Refit,
    ReportSettings,
)

SEVERAL = FeatureSettings(layer=None, pooling=(Pooling.CLS, Pooling.MEAN))


class Remarks:
    """A display that keeps what is said."""

    def __init__(self) -> None:
        from featx.experiment.progress import Silent

        self.task = Silent().task
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(results=tmp_path / "results", cache_dir=tmp_path / "cache")


def made(
    tweets: Path, tiny: Path, workspace: Workspace, display: object = None, features: object = None, **settings: object
) -> list[Run]:
    session = Session(tweets, tiny, workspace=workspace, display=display)
    return list(session.baseline(BaselineSettings(**settings), features or SEVERAL))


@pytest.mark.slow
def test_all_methods_on_all_layers(tweets: Path, tiny: Path, workspace: Workspace) -> None:
    runs = made(tweets, tiny, workspace, methods=("all",))
    assert [run.record.method for run in runs] == list(METHODS)
    for run in runs:
        method, record = METHODS[run.record.method], run.record
        assert record.failure is None
        assert (run.predictions["test"].y_score is not None) == method.probabilities
        assert ("log_loss" in record.metrics["test"]) == method.probabilities
        n_grid = int(np.prod([len(values) for values in method.grid.values()])) * len(method.preparations)
        assert len(record.selection.trials) == n_grid * (7 if method.reads == "features" else 1)
        if method.reads == "features":
            best = max(trial.score for trial in record.selection.trials if trial.score is not None)
            assert record.selection.score == best
            assert {trial.layer for trial in record.selection.trials} == {0, 1, 2, "concat"}
    comparison = compare(runs, ReportSettings(reference="logreg"))
    assert len(comparison.rows) == len(METHODS)


@pytest.mark.parametrize("combine", [Combine.CONCAT, Combine.EACH])
def test_a_run_predicts_new_texts_as_it_predicted_test(
    combine: Combine, tweets: Path, tiny: Path, workspace: Workspace
) -> None:
    (run,) = made(tweets, tiny, workspace, methods=("lda",), combine=combine)
    layer = run.record.selection.features.layer
    assert (layer == "concat") == (combine is Combine.CONCAT)
    texts = (tweets / "test_text.txt").read_text().splitlines()
    scores = [list(p.scores.values()) for p in load_predictor(run.folder, workspace.cache)(texts)]
    assert np.asarray(scores) == pytest.approx(run.predictions["test"].y_score, abs=1e-4)


def test_controls_are_rows_of_their_own(tweets: Path, tiny: Path, workspace: Workspace) -> None:
    runs = made(
        tweets, tiny, workspace, methods=("tfidf-logreg", "ridge", "logreg"), controls=True, features=FeatureSettings()
    )
    controls = {run.record.method: run.record for run in runs if run.record.control}
    assert {name: record.control for name, record in controls.items()} == {
        "logreg+random-encoder": "random encoder",
        "logreg+shuffled-labels": "shuffled labels",
    }
    assert controls["logreg+random-encoder"].checkpoint.digest != runs[2].record.checkpoint.digest
    assert controls["logreg+random-encoder"].checkpoint.name.endswith("(random weights)")
    assert str(workspace.cache) not in json.dumps([record.to_json() for record in controls.values()])
    assert controls["logreg+shuffled-labels"].checkpoint == runs[2].record.checkpoint
    shuffled = next(run for run in runs if run.record.control == "shuffled labels")
    # Test keeps its labels, or the run could not be compared.
    assert np.array_equal(shuffled.predictions["test"].y_true, runs[0].predictions["test"].y_true)
    assert not np.array_equal(shuffled.predictions["validation"].y_true, runs[0].predictions["validation"].y_true)
    assert not (shuffled.folder / "model").exists()
    assert all(row.verdict == "" for row in compare(runs, ReportSettings(reference="logreg")).rows if row.control)


def test_auto_is_read_alike_by_controls_and_predictions(
    tweets: Path, tiny: Path, workspace: Workspace, tmp_path: Path
) -> None:
    """Pooling, normalising, prompt, length and lower-casing of a sentence-transformers checkpoint."""
    stated = Path(shutil.copytree(tiny, tmp_path / "stated"))
    steps = [{"type": f"sentence_transformers.models.{kind}", "path": kind} for kind in ("Pooling", "Normalize")]
    for name, content in {
        "modules.json": [{"type": "sentence_transformers.models.Transformer", "path": ""}, *steps],
        "Pooling/config.json": {"pooling_mode_weightedmean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": 12, "do_lower_case": True},
        "config_sentence_transformers.json": {"prompts": {"topic": "we loved "}, "default_prompt_name": "topic"},
    }.items():
        (stated / name).parent.mkdir(exist_ok=True)
        (stated / name).write_text(json.dumps(content))
    remarks = Remarks()
    runs = made(tweets, stated, workspace, remarks, methods=("logreg",), controls=True, features=FeatureSettings())
    word = "`pooling` auto is weighted-mean, normalised, 12 tokens, prompt 'we loved ': the checkpoint's own word"
    assert any(said.startswith(word) for said in remarks.said)
    for run in runs:
        facts = run.record.features
        assert facts is not None
        assert [kind["pooling"] for kind in facts["kinds"]] == ["weighted-mean"]
        assert {name: facts.get(name) for name in ("normalize", "prompt", "max_length")} == {
            "normalize": True,
            "prompt": "we loved ",
            "max_length": 12,
        }
    run = runs[0]
    texts = (tweets / "test_text.txt").read_text().split("\n")
    predicted = load_predictor(run.folder, workspace.cache)(texts)
    scores = np.array([list((one.scores or {}).values()) for one in predicted])
    assert np.abs(scores - run.predictions["test"].y_score).max() < 1e-5
    again = made(tweets, stated, workspace, methods=("logreg",), controls=True, features=FeatureSettings())
    assert [one.record.created for one in again] == [one.record.created for one in runs], "kept"


def test_a_random_encoder_is_drawn_once(tweets: Path, tiny: Path, workspace: Workspace) -> None:
    made(tweets, tiny, workspace, methods=("logreg",), controls=True, features=FeatureSettings())
    before = {path: path.stat().st_mtime_ns for path in (workspace.cache / "checkpoints").rglob("*.safetensors")}
    assert len(before) == 1
    remarks = Remarks()
    made(tweets, tiny, workspace, remarks, methods=("logreg",), controls=True, features=FeatureSettings())
    assert before == {
        path: path.stat().st_mtime_ns for path in (workspace.cache / "checkpoints").rglob("*.safetensors")
    }
    assert sum("kept" in said for said in remarks.said) == 3


def test_a_method_that_fails_stays_with_its_reason_and_is_tried_again(
    tweets: Path, tiny: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    def singular(*arguments: object) -> None:
        raise np.linalg.LinAlgError("singular matrix")

    with monkeypatch.context() as patched:
        patched.setattr(LinearDiscriminantAnalysis, "fit", singular)
        patched.setitem(walking._WALKS, Walk.LDA, singular)
        remarks = Remarks()
        runs = made(tweets, tiny, workspace, remarks, methods=("ridge", "lda"), features=FeatureSettings())
    assert runs[0].record.failure is None
    assert runs[1].record.failure == "lda cannot be fitted: singular matrix"
    assert remarks.said[-1] == "lda: lda cannot be fitted: singular matrix"
    assert "lda" in [failed.method for failed in compare(runs, ReportSettings(reference="ridge")).failed]
    again = made(tweets, tiny, workspace, methods=("ridge", "lda"), features=FeatureSettings())
    assert again[1].record.failure is None
    assert read_run(runs[1].folder).record.failure is None


def test_when_every_method_fails_the_command_does(tweets: Path, tiny: Path, workspace: Workspace) -> None:
    with pytest.raises(TrainingError, match=r"every method failed, the first, rbf-svm: out of time after 0.01 s"):
        made(tweets, tiny, workspace, methods=("rbf-svm",), time_limit=0.01, features=FeatureSettings())


def test_seeds_that_change_nothing_are_fitted_once(
    tweets: Path, tiny: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import featx.experiment.probe as probe

    fits = []
    real = probe.fit_best
    monkeypatch.setattr(probe, "fit_best", lambda method, *rest: fits.append(method.name) or real(method, *rest))
    runs = made(tweets, tiny, workspace, methods=("ridge", "stratified"), seeds=(0, 1, 2), features=FeatureSettings())
    assert fits == ["ridge", "stratified", "stratified", "stratified"]
    assert len(runs) == 6
    assert [run.record.seed for run in runs] == [0, 1, 2, 0, 1, 2]
    ridge = [run.predictions["test"].y_pred for run in runs[:3]]
    assert np.array_equal(ridge[0], ridge[2])
    drawn = [run.predictions["test"].y_pred for run in runs[3:]]
    assert not np.array_equal(drawn[0], drawn[2])


def test_a_refit_that_scores_otherwise_is_said_with_what_to_make_of_it(
    tweets: Path, tiny: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import featx.experiment.probe as probe

    monkeypatch.setattr(probe, "_LARGEST_GAP", -1.0)
    display = Remarks()
    (run,) = made(tweets, tiny, workspace, display, methods=("ridge",), features=FeatureSettings())
    refitted, chosen = run.record.metrics["validation"]["f1_macro"], run.record.selection.score
    assert (
        f"ridge: refitting gave f1_macro {refitted:.3f} instead of {chosen:.3f} on validation; treat differences this "
        "small as noise"
    ) in display.said


def test_how_a_method_is_tuned_is_part_of_the_run(tweets: Path, tiny: Path, workspace: Workspace) -> None:
    settings = {"methods": ("ridge",), "features": FeatureSettings()}
    (run,) = made(
        tweets, tiny, workspace, **settings, cv=3, refit=Refit.TRAIN_AND_VALIDATION, calibrate=Calibration.SIGMOID
    )
    assert run.record.settings["cv"] == 3
    assert run.record.selection.split == "3 folds of train"
    assert run.predictions["test"].y_score is not None
    with pytest.raises(Exception, match="holds a run with other settings"):
        made(tweets, tiny, workspace, **settings)


def test_shared_texts_are_recorded(tweets: Path, tiny: Path, workspace: Workspace) -> None:
    train = (tweets / "train_text.txt").read_text().splitlines()
    test = (tweets / "test_text.txt").read_text().splitlines()
    test[1], test[4] = train[0], train[7]
    (tweets / "test_text.txt").write_text("\n".join(test) + "\n")
    runs = made(tweets, tiny, workspace, methods=("majority", "tfidf-logreg"))
    assert runs[0].record.data.shared_test_rows == (1, 4)
    assert compare(runs, ReportSettings(reference="majority")).rows[0].without_shared is not None


def test_controls_need_a_method_on_features(tweets: Path, tiny: Path, workspace: Workspace) -> None:
    with pytest.raises(SettingsError, match=r"`controls` needs a method on features, such as logreg"):
        made(tweets, tiny, workspace, methods=("majority",), controls=True)


def test_features_from_elsewhere_give_the_same_results(
    tweets: Path, tiny: Path, workspace: Workspace, tmp_path: Path
) -> None:
    from featx.experiment.feature_files import Format, save_features

    session, where = Session(tweets, tiny, workspace=workspace), tmp_path / "mine.npz"
    both_layers = FeatureSettings(layer=(1, 2))
    save_features(session.extract(both_layers), where, Format.NPZ)
    settings = BaselineSettings(methods=("tfidf-logreg", "lda"), combine=Combine.EACH, controls=True)
    own = session.baseline(settings, both_layers)
    elsewhere = Workspace(tmp_path / "other", cache_dir=workspace.cache_dir)
    given = Session(tweets, "nowhere", workspace=elsewhere).baseline(settings, features_file=str(where))
    assert [run.record.method for run in given] == ["tfidf-logreg", "lda", "lda+shuffled-labels"]
    assert np.array_equal(given[1].predictions["test"].y_score, own[1].predictions["test"].y_score)
    assert given[1].record.checkpoint is None
    assert {run.record.split_digest for run in given} == {own[0].record.split_digest}
    with pytest.raises(RunError, match=r"was made with features from elsewhere, and featx cannot make those of new"):
        load_predictor(given[1].folder, workspace.cache)


def test_features_of_other_texts_are_refused(tweets: Path, tiny: Path, workspace: Workspace, tmp_path: Path) -> None:
    from featx.experiment.feature_files import Format, save_features

    where = tmp_path / "mine.npz"
    save_features(Session("demo", tiny, workspace=workspace).extract(), where, Format.NPZ)
    with pytest.raises(DataError, match=r"mine.npz has .* give the features of that data set"):
        Session(tweets, tiny, workspace=workspace).baseline(features_file=where)
