"""Runs by folds: every text predicted by a model that did not see it, what is there kept, and the report on all."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import make_texts

from featx.baselines import find_method, registry
from featx.errors import RunError
from featx.evaluation import measure, metric_interval, paired_difference
from featx.experiment.plan import planned_runs, read_plan, run_plan
from featx.experiment.progress import Silent
from featx.experiment.report import report
from featx.prediction import load_predictor
from featx.reporting import Comparison, answer, compare, render
from featx.runs import find_runs, put_together, read_run
from featx.session import Session
from featx.settings import ReportSettings

METHODS = ("majority", "gaussian-nb")
QUICK = {"max_steps": 2, "per_device_train_batch_size": 8}


def session_of(folder: Path, checkpoint: Path | str = "demo", **settings: object) -> Session:
    wanted = {"folds": 3, "results": folder / "results", "cache_dir": folder / "cache", "experiment": "x"}
    return Session(make_texts(60), checkpoint, **wanted | settings)


def compared(session: Session) -> Comparison:
    return compare([read_run(path) for path in find_runs(session.folder)])


def written(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("run.json")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Session:
    session = session_of(tmp_path_factory.mktemp("folds"), tiny)
    session.baseline(methods=METHODS, seeds=(0, 1))
    return session


def test_a_run_for_each_fold_knows_its_place(made: Session) -> None:
    folder = made.folder / "gaussian-nb" / "seed-1"
    assert sorted(path.name for path in folder.iterdir()) == ["fold-0", "fold-1", "fold-2"]
    runs = [read_run(folder / f"fold-{k}") for k in range(3)]
    assert [(run.record.fold, run.record.n_folds) for run in runs] == [(0, 3), (1, 3), (2, 3)]
    assert {run.experiment for run in runs} == {made.folder.resolve()}
    whole = made.dataset.folds.whole
    for k, run in enumerate(runs):
        data, part = run.record.data, made.dataset.of_fold(k)
        assert (run.record.whole.digest, data.test.digest) == (whole.digest, part.test.digest)
        assert np.array_equal(run.record.test_rows, part.test_rows)
        assert data.shared_test_rows == ()
    assert (
        load_predictor(folder / "fold-2", made.workspace.cache)(["so good a day"])[0].label in made.dataset.label_names
    )
    with pytest.raises(RunError, match="holds 3 runs; give one of them"):
        load_predictor(folder, made.workspace.cache)


def test_put_together_they_are_what_scikit_learn_predicts(made: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.model_selection import cross_val_predict

    folds = made.dataset.folds
    method = replace(find_method("tfidf-logreg"), grid={}, preparations=({},))
    whole = session_of(made.folder.parents[1], experiment="fixed")
    monkeypatch.setitem(registry.METHODS, "tfidf-logreg", method)
    runs = whole.baseline(methods=("tfidf-logreg",))
    (together,) = put_together(runs)
    assert (together.record.fold, together.record.n_folds) == (None, 3)
    cut = [(rows["train"], rows["test"]) for rows in folds.rows]
    texts = np.array(folds.whole.texts, object)
    expected = cross_val_predict(method.make(0), texts, folds.whole.labels, cv=cut)
    assert np.array_equal(together.predictions["test"].y_pred, expected)
    assert np.array_equal(together.predictions["test"].y_true, folds.whole.labels)


def test_the_report_is_on_all_texts(made: Session) -> None:
    reported = report([made.folder], ReportSettings(reference="majority"))
    comparison = reported.comparison
    runs = {
        name: put_together([read_run(p) for p in sorted((made.folder / name).glob("*/fold-*"))]) for name in METHODS
    }
    assert comparison.n_folds == 3
    assert comparison.data.test.n_texts == 60
    assert [row.seeds for row in comparison.rows] == [(0, 1), (0, 1)]
    (svm, majority) = ([run.predictions["test"] for run in runs[name]] for name in METHODS[::-1])
    row = comparison.row("gaussian-nb")
    assert row.test == metric_interval(svm, "f1_macro", n_folds=3)
    assert row.metrics["accuracy"] == pytest.approx(np.mean([measure(one)["accuracy"] for one in svm]))
    d = paired_difference(svm, majority, "f1_macro", n_folds=3).difference
    assert (row.difference.value, row.difference.low) == pytest.approx((d.value, d.low), abs=1e-9)
    folds = [read_run(path).record for path in sorted((made.folder / "gaussian-nb").glob("*/fold-*"))]
    assert row.validation == pytest.approx(np.mean([record.score("validation", "f1_macro") for record in folds]))
    content = json.loads(render(comparison, "json"))
    assert content["n_folds"] == 3
    pages = [path.read_text("utf-8") for path in reported.files[:2]]
    assert all("3 folds, every text tested once" in page for page in pages)
    assert "good" in pages[0]  # a text that was kept


def test_without_folds_nothing_is_said_of_them(tmp_path: Path) -> None:
    session = session_of(tmp_path, folds=None)
    (run,) = session.baseline(methods=("majority",))
    assert (run.record.fold, run.record.n_folds, run.record.whole) == (None, None, None)
    content = json.loads(render(compare([run]), "json"))
    assert "n_folds" not in content
    assert not any("fold" in note for note in content["missing"])


def test_folds_that_are_missing_are_said_and_made_by_the_same_command(tmp_path: Path, tiny: Path) -> None:
    session = session_of(tmp_path, tiny)
    session.baseline(methods=METHODS)
    shutil.rmtree(session.folder / "gaussian-nb" / "seed-0" / "fold-1")
    comparison = compared(session)
    assert [row.method for row in comparison.rows] == ["majority"]
    reason = "fold 1 of 3 missing: give the same command again, which keeps those that are there"
    assert [(failed.method, failed.reason) for failed in comparison.failed] == [("gaussian-nb", reason)]
    before = written(session.folder)
    session.baseline(methods=METHODS)
    after = written(session.folder)
    assert len(after) == 6
    assert before.items() <= after.items()
    assert not compared(session).failed


def test_a_method_of_a_session_takes_folds(tmp_path: Path) -> None:
    session = session_of(tmp_path, folds=None)
    runs = session.baseline(methods=("majority",), folds=2)
    assert [run.record.n_folds for run in runs] == [2, 2]
    assert session.dataset.folds is None
    assert session.in_folds(None) is session
    assert session.in_folds(4).folder == session.folder


def test_runs_with_other_folds_are_in_the_way(tmp_path: Path) -> None:
    session = session_of(tmp_path)
    session.baseline(methods=("majority",))
    before = written(session.folder)
    for folds, said in ((None, "with other `folds`"), (2, "fold-2 holds .* with other `folds`")):
        with pytest.raises(RunError, match=f"{said}; give another `experiment`"):
            session_of(tmp_path, folds=folds).baseline(methods=("majority",))
    with pytest.raises(RunError, match=r"fold-0 holds a run with other data|with other `folds`"):
        session_of(tmp_path, folds=4).baseline(methods=("majority",))
    assert written(session.folder) == before
    place = session.folder / "majority" / "seed-0"
    for folds, left in ((2, ["fold-0", "fold-1"]), (None, [None]), (3, ["fold-0", "fold-1", "fold-2"])):
        session_of(tmp_path, folds=folds, overwrite=True).baseline(methods=("majority",))
        there = sorted(place.glob("**/run.json"))
        assert there == [place / name / "run.json" if name else place / "run.json" for name in left]
        if folds is None:
            with pytest.raises(RunError, match="holds a run of this method and seed without `folds`"):
                session.baseline(methods=("majority",))


def test_runs_with_and_without_folds_are_not_compared(made: Session, tmp_path: Path) -> None:
    session = session_of(tmp_path, folds=None)
    runs = [*session.baseline(methods=("majority",)), *(read_run(p) for p in made.folder.glob("majority/*/fold-*"))]
    with pytest.raises(RunError, match=r"tested on all texts by 3 folds, .* on one test split, so they cannot be"):
        compare(runs)
    other = session_of(tmp_path, experiment="five", folds=5).baseline(methods=("stratified",))
    comparison = compare([*other, *runs[1:]], ReportSettings(reference="majority"))
    assert any("differ in their number of folds: 5, 3" in note for note in comparison.notes)
    assert comparison.n_folds == 3


def test_fine_tuning_by_folds_goes_on_where_it_stopped(tiny: Path, tmp_path: Path) -> None:
    session = session_of(tmp_path, tiny, device="cpu")
    runs = session.finetune(**QUICK)
    place = session.folder / "finetune" / "seed-0"
    assert [run.folder for run in runs] == [place / f"fold-{k}" for k in range(3)]
    shutil.rmtree(place / "fold-2")
    before = written(session.folder)
    session.baseline(methods=("gaussian-nb",))
    again = session.finetune(**QUICK)
    assert before.items() <= written(session.folder).items()
    assert not list(place.glob(".*checkpoints*"))
    (together,) = put_together(again)
    assert len(together.predictions["test"]) == 60
    assert together.record.metric("test", "log_loss") > 0
    comparison = compared(session)
    headline = replace(comparison.headline, learned_nothing=False)
    assert headline.finetuned.method == "finetune"
    said = " ".join(answer(replace(comparison, headline=headline)))
    assert "With 60 texts, each tested once in 3 folds, " in said


def test_an_experiment_file_asks_for_folds(tmp_path: Path, tweets: Path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(f'[data]\ndataset = "{tweets}"\nfolds = 2\n[baseline]\nmethods = ["majority"]\n', "utf-8")
    workspace = session_of(tmp_path).workspace
    planned = planned_runs(read_plan(path), workspace)
    assert [(run.folder.name, run.state) for run in planned] == [("fold-0", "to do"), ("fold-1", "to do")]
    reported = run_plan(read_plan(path), workspace, Silent())
    assert reported.comparison.n_folds == 2
    assert {run.state for run in planned_runs(read_plan(path), workspace)} == {"done"}
    path.write_text(path.read_text("utf-8").replace("folds = 2", ""), "utf-8")
    states = [run.state for run in planned_runs(read_plan(path), workspace)]
    assert states == ["there with other folds; `overwrite` to replace it"]
