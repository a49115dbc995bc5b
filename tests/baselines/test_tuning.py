"""Tuning over layers, folds and processes: what is chosen, on what, and what becomes of failures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from tiny import LABELS

from featx.baselines import (
    METHODS,
    TEXTS,
    Choices,
    Inputs,
    Method,
    Reads,
    TuningData,
    Workers,
    candidates_of,
    enough_workers,
    fit_best,
    load_classifier,
    predict,
    probabilities,
    save_classifier,
    tune,
)
from featx.errors import TrainingError
from featx.settings import Calibration, Combine, Refit

KINDS = [(0, "cls"), (1, "cls"), (2, "cls")]


def material(n: int = 120, cv: int | None = None, noise: float = 1.0) -> TuningData:
    """Three layers: the first knows nothing, the second little, the third most."""
    rng = np.random.default_rng(0)
    labels, features = {}, {}
    centres = rng.normal(size=(3, 5))
    for split, size in (("train", n), ("validation", n // 2), ("test", n)):
        y = (np.arange(size) % 3).astype(np.int64)
        labels[split] = y
        features[split] = [
            (strength * centres[y] + noise * rng.normal(size=(size, 5))).astype(np.float32)
            for strength in (0.0, 0.4, 1.2)
        ]
    return TuningData(Inputs({}, features), labels, LABELS, cv)


def test_candidates() -> None:
    kinds = [(layer, pooling) for layer in (0, 6) for pooling in ("cls", "mean")]
    each = candidates_of(kinds, Combine.EACH)
    assert [(c.layer, c.pooling, c.kinds) for c in each] == [(*kind, (k,)) for k, kind in enumerate(kinds)]
    (concat,) = candidates_of(kinds, Combine.CONCAT)
    assert concat.kinds == (0, 1, 2, 3)
    assert candidates_of(kinds, Combine.BOTH) == [*each, concat]
    assert candidates_of([(6, "cls")], Combine.CONCAT) == candidates_of([(6, "cls")], Combine.EACH)


def test_side_by_side_is_the_columns_in_order(tmp_path: Path) -> None:
    data = material()
    (concat,) = candidates_of(KINDS, Combine.CONCAT)
    expected = np.hstack(data.inputs.features["train"])
    assert np.array_equal(data.inputs.of("train", concat), expected)
    assert np.array_equal(data.inputs.on_disk(tmp_path).of("train", concat), expected)


def test_the_best_layer_on_validation_is_chosen() -> None:
    data = material()
    chosen, trials = tune(METHODS["logreg"], candidates_of(KINDS, Combine.EACH), data, seed=0)
    assert chosen.candidate.layer == 2
    assert len(trials) == 27
    assert [trial.candidate.layer for trial in trials] == [0] * 9 + [1] * 9 + [2] * 9
    assert chosen.score == max(trial.score for trial in trials)
    assert chosen is next(trial for trial in trials if trial.score == chosen.score)  # ties: the earlier


def test_test_is_never_seen() -> None:
    """Nothing of what is chosen or fitted changes when test is noise."""
    data = material()
    noise = {**data.inputs.features, "test": [np.full((3, 5), np.nan, np.float32)] * 3}
    other = replace(data, inputs=Inputs({}, noise), labels={**data.labels, "test": np.zeros(3, np.int64)})
    candidates = candidates_of(KINDS, Combine.BOTH)
    results = [fit_best(METHODS["logreg"], candidates, one, seed=0) for one in (data, other)]
    assert results[0].chosen.params == results[1].chosen.params
    assert np.array_equal(results[0].classifier[-1].coef_, results[1].classifier[-1].coef_)


def test_folds_give_the_scores_of_grid_search() -> None:
    data = material(90, cv=4)
    method = METHODS["ridge"]
    (candidate,) = candidates_of(KINDS[2:], Combine.EACH)
    only = replace(data, inputs=Inputs({}, {"train": data.inputs.features["train"][2:]}))
    _, trials = tune(method, [candidate], only, seed=0)
    search = GridSearchCV(
        method.make(0), {k: list(v) for k, v in method.grid.items()}, scoring="f1_macro",
        cv=StratifiedKFold(4, shuffle=True, random_state=0), refit=False,
    ).fit(only.inputs.features["train"][0], data.labels["train"])  # fmt: skip
    assert [trial.score for trial in trials] == pytest.approx(search.cv_results_["mean_test_score"], abs=0.015)


def test_folds_need_enough_texts_of_each_class() -> None:
    data = material(9, cv=5)
    with pytest.raises(TrainingError, match=r"class 'negative' has 3 train texts, too few for 5 folds; lower `cv`"):
        tune(METHODS["ridge"], candidates_of(KINDS, Combine.EACH), data, seed=0)


@pytest.mark.parametrize("name", ["logreg", "knn", "random-forest"])
def test_processes_find_what_one_finds(name: str, tmp_path: Path) -> None:
    data = material()
    candidates = candidates_of(KINDS, Combine.BOTH)
    here = tune(METHODS[name], candidates, data, seed=3)
    shared = replace(data, inputs=data.inputs.on_disk(tmp_path))
    with Workers(2) as workers:
        there = tune(METHODS[name], candidates, shared, seed=3, workers=workers)

    def facts(result: tuple) -> list:
        return [(t.candidate, t.params, t.score, t.n_iter) for t in (result[0], *result[1])]

    assert facts(here) == facts(there)


def test_refit_on_train_and_validation_leaves_validation_honest() -> None:
    data = material()
    candidates = candidates_of(KINDS, Combine.EACH)
    plain = fit_best(METHODS["logreg"], candidates, data, seed=0)
    both = fit_best(METHODS["logreg"], candidates, data, 0, Choices(refit=Refit.TRAIN_AND_VALIDATION))
    assert plain.classifier is plain.for_validation
    assert np.array_equal(both.for_validation[-1].coef_, plain.classifier[-1].coef_)
    assert not np.array_equal(both.classifier[-1].coef_, plain.classifier[-1].coef_)
    joined = np.concatenate([data.inputs.of(split, both.chosen.candidate) for split in ("train", "validation")])
    y = np.concatenate([data.labels["train"], data.labels["validation"]])
    expected = METHODS["logreg"].make(0).set_params(**both.chosen.params).fit(joined, y)
    assert both.classifier[-1].coef_ == pytest.approx(expected[-1].coef_, abs=1e-6)


@pytest.mark.parametrize("kind", [Calibration.SIGMOID, Calibration.ISOTONIC])
@pytest.mark.parametrize("name", ["linear-svm", "ridge", "rbf-svm"])
def test_calibration_gives_probabilities_that_are_saved(name: str, kind: Calibration, tmp_path: Path) -> None:
    data = material(240)
    fitted = fit_best(METHODS[name], candidates_of(KINDS, Combine.EACH), data, 0, Choices(calibrate=kind))
    test = data.inputs.of("test", fitted.chosen.candidate)
    made, _ = predict(fitted.classifier, test, data.labels["test"], LABELS)
    assert made.y_score is not None
    assert f1_score(made.y_true, made.y_pred, average="macro") > 0.6
    save_classifier(fitted.classifier, tmp_path)
    assert np.array_equal(probabilities(load_classifier(tmp_path), test), made.y_score)


def test_calibration_leaves_methods_with_probabilities_alone() -> None:
    fitted = fit_best(
        METHODS["lda"], candidates_of(KINDS, Combine.EACH), material(), 0, Choices(calibrate=Calibration.SIGMOID)
    )
    assert fitted.classifier.steps[-1][0] == "lda"


def test_a_grid_point_that_fails_is_left_out() -> None:
    chosen, trials = tune(METHODS["knn"], candidates_of(KINDS[:1], Combine.EACH), material(60), seed=0)
    failed = [trial for trial in trials if trial.score is None]
    assert {trial.params["knn__n_neighbors"] for trial in failed} == {100}
    assert failed[0].error == "100 neighbours of 60 texts"
    assert chosen.score is not None


class Sleeper:
    """A classifier that takes its time, in native code or not: only the end of its process stops it."""

    def __init__(self, seconds: float = 60.0) -> None:
        self.seconds = seconds

    def get_params(self, deep: bool = True) -> dict[str, float]:
        return {"seconds": self.seconds}

    def set_params(self, **params: float) -> Sleeper:
        self.__dict__.update(params)
        return self

    def fit(self, X: np.ndarray, y: np.ndarray) -> Sleeper:
        time.sleep(self.seconds)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.zeros(len(X), np.int64)


class Dying(Sleeper):
    """A classifier whose process is killed, as for lack of memory."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Sleeper:
        os.kill(os.getpid(), 9)
        return self


def made(kind: type) -> Method:
    from sklearn.pipeline import Pipeline

    return Method("slow", Reads.FEATURES, lambda seed: Pipeline([("slow", kind())]))


def test_a_method_that_runs_out_of_time_is_stopped() -> None:
    started = time.perf_counter()
    with Workers(2, time_limit=3) as workers:
        with pytest.raises(TrainingError, match=r"out of time after 3 s; raise `time_limit`"):
            tune(made(Sleeper), candidates_of(KINDS, Combine.EACH), material(), 0, workers)
        assert time.perf_counter() - started < 40
        workers.time_limit = 60
        chosen, _ = tune(METHODS["ridge"], candidates_of(KINDS, Combine.EACH), material(), 0, workers)
    assert chosen.candidate.layer == 2


def test_a_process_that_dies_is_an_error_that_says_so() -> None:
    with Workers(2) as workers:
        with pytest.raises(TrainingError, match=r"a process died, most likely for lack of memory; lower `jobs`"):
            tune(made(Dying), candidates_of(KINDS, Combine.EACH), material(), 0, workers)
        chosen, _ = tune(METHODS["ridge"], candidates_of(KINDS, Combine.EACH), material(), 0, workers)
    assert chosen.candidate.layer == 2


def test_workers_are_started_where_they_are_worth_it() -> None:
    assert enough_workers(None, 9).jobs == 1
    assert enough_workers(3, 9).jobs == 3
    assert enough_workers(None, 1_000).jobs >= 1
    assert not Workers(1).elsewhere
    assert Workers(1, time_limit=5).elsewhere


def test_processes_leave_those_of_joblib_alone() -> None:
    """A program may use both: one pool for both would break whichever comes second."""
    from joblib import Parallel, delayed

    with Workers(2) as workers:
        assert sorted(result for _, result in workers.map(abs, [-1, -2])) == [1, 2]
        assert Parallel(n_jobs=2)(delayed(abs)(k) for k in (-1, -2)) == [1, 2]
        assert sorted(result for _, result in workers.map(abs, [-3, -4])) == [3, 4]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_their_parent(signum: int, tmp_path: Path) -> None:
    """However the parent ends: SIGKILL leaves it no time to stop them."""
    import psutil

    code = (
        "import time\n"
        "from featx.baselines.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    with Workers(jobs=2) as workers:\n"
        "        for _ in workers.map(time.sleep, [0.01, 0.01, 300, 300]):\n"
        "            print('working', flush=True)\n"
    )
    script = tmp_path / "working.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "working\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) >= 2
        parent.send_signal(signum)
        parent.wait(10)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive
    finally:
        parent.kill()
        parent.stdout.close()


def test_folds_are_not_asked_of_a_method_with_nothing_to_choose() -> None:
    """The majority has no grid: folds that train is too small for are nothing to it."""
    data = material(9, cv=5)
    texts = {split: [f"text {at}" for at in range(len(labels))] for split, labels in data.labels.items()}
    chosen, trials = tune(METHODS["majority"], [TEXTS], replace(data, inputs=Inputs(texts, {})), 0)
    assert len(trials) == 1
    assert chosen.score is not None
