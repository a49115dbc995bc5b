"""Baselines: tuned on validation, the choice recorded, saved without pickles."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import LABELS, make_texts

from featx.baselines import METHODS, find_method, fit, load_classifier, predict, probabilities, save_classifier
from featx.baselines.fitting import _calibrated
from featx.errors import RunError, SettingsError, TrainingError
from featx.settings import Calibration


def matrices(n: int = 150, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    centres = np.random.default_rng(9).normal(size=(3, 6))
    return (centres[labels] * 0.7 + rng.normal(size=(n, 6))).astype(np.float32), labels.astype(np.int64)


def text_split(n: int, seed: int) -> tuple[list[str], np.ndarray]:
    texts, labels = make_texts(n, seed)
    return texts, np.array([LABELS.index(label) for label in labels], np.int64)


def test_logreg_takes_the_best_c_on_validation() -> None:
    train, validation = matrices(seed=0), matrices(60, seed=1)
    fitted = fit(METHODS["logreg"], train, validation, LABELS, seed=0)
    scores = {}
    for trial in fitted.trials:
        c = trial.params["logreg__C"]
        reference = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000)).fit(*train)
        scores[c] = f1_score(validation[1], reference.predict(validation[0]), average="macro")
        # Each C starts from the one before: an optimum found within tolerance, one text of 60 apart at most.
        assert trial.score == pytest.approx(scores[c], abs=0.02)
    assert sorted(scores) == [10.0**p for p in range(-5, 4)]
    best = max(trial.score for trial in fitted.trials)
    assert fitted.chosen.score == best
    assert fitted.chosen.params["logreg__C"] == min(
        trial.params["logreg__C"] for trial in fitted.trials if trial.score == best
    )


def test_tfidf_learns_from_words() -> None:
    fitted = fit(METHODS["tfidf-logreg"], text_split(150, 0), text_split(60, 1), LABELS, seed=0)
    texts, labels = text_split(90, 2)
    made, seconds = predict(fitted.classifier, texts, labels, LABELS)
    assert (made.y_pred == labels).mean() > 0.9
    assert seconds > 0


def test_majority_predicts_the_most_frequent_with_its_share() -> None:
    texts, labels = text_split(30, 0)
    labels[:] = [0] * 5 + [1] * 18 + [2] * 7
    fitted = fit(METHODS["majority"], (texts, labels), (texts, labels), LABELS, seed=0)
    made, _ = predict(fitted.classifier, texts, labels, LABELS)
    assert (made.y_pred == 1).all()
    assert made.y_score[0] == pytest.approx([5 / 30, 18 / 30, 7 / 30])
    assert fitted.chosen.n_iter is None


def test_an_optimiser_that_stops_at_its_limit_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featx.baselines.registry.MAX_ITER", 2)
    fitted = fit(METHODS["logreg"], matrices(), matrices(60, 1), LABELS, seed=0)
    stuck = [trial for trial in fitted.trials if not trial.converged]
    assert stuck
    assert all(trial.n_iter == trial.max_iter == 2 for trial in stuck)
    assert fitted.max_iter == 2
    assert fitted.converged == (fitted.n_iter < 2)


def test_unknown_method_lists_the_valid_ones() -> None:
    with pytest.raises(
        SettingsError, match=r"'svm' is unknown; expected one of: majority, stratified, tfidf-logreg, tfidf-svm, logreg"
    ):
        find_method("svm")


def test_what_cannot_be_fitted_says_why() -> None:
    features, labels = matrices()
    features[3, 2] = np.nan
    with pytest.raises(TrainingError, match=r"logreg cannot be fitted: .*NaN"):
        fit(METHODS["logreg"], (features, labels), (features, labels), LABELS, seed=0)


@pytest.mark.parametrize("name", METHODS)
def test_saved_and_loaded_gives_the_same_predictions(tmp_path: Path, name: str) -> None:
    method = METHODS[name]
    train, other = (text_split(90, 0), text_split(30, 1)) if method.reads == "texts" else (matrices(), matrices(30, 1))
    fitted = fit(method, train, other, LABELS, seed=0)
    assert (probabilities(fitted.classifier, other[0]) is not None) == method.probabilities
    save_classifier(fitted.classifier, tmp_path)
    loaded = load_classifier(tmp_path)
    function = "predict_proba" if method.probabilities else "decision_function"
    assert np.array_equal(getattr(loaded, function)(other[0]), getattr(fitted.classifier, function)(other[0]))
    assert not [n for n in zipfile.ZipFile(tmp_path / "classifier.skops").namelist() if n.endswith(".pkl")]


@pytest.mark.parametrize("name", METHODS)
def test_two_classes_and_calibrated_ones_are_loaded_too(tmp_path: Path, name: str) -> None:
    """Their parts are others (losses, links, calibrators); the list of what is loaded must hold them."""
    method = METHODS[name]
    inputs, labels = text_split(90, 0) if method.reads == "texts" else matrices()
    inputs, labels = inputs[:60], labels[:60] % 2
    classifier = fit(method, (inputs, labels), (inputs, labels), ("a", "b"), seed=0).classifier
    made = [classifier]
    if not method.probabilities:
        made += [_calibrated(classifier, kind, inputs, labels) for kind in Calibration if kind is not Calibration.NONE]
    for one in made:
        save_classifier(one, tmp_path)
        assert np.array_equal(load_classifier(tmp_path).predict(inputs), one.predict(inputs))


class Evil:
    """A type that is on nobody's list."""

    def __init__(self) -> None:
        self.x = 1


def test_foreign_types_are_not_loaded(tmp_path: Path) -> None:
    import skops.io

    skops.io.dump(Evil(), tmp_path / "classifier.skops")
    with pytest.raises(RunError, match=r"holds types that featx does not load: .*Evil; do not trust"):
        load_classifier(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_broken_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "classifier.skops").write_bytes(content)
    with pytest.raises(RunError, match=r"cannot be read .*; run featx baseline again"):
        load_classifier(tmp_path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is missing; the run has no classifier saved"):
        load_classifier(tmp_path)


def _fitted_run(name: str, folder: Path) -> tuple[object, dict[str, object]]:
    method = METHODS[name]
    train, other = (text_split(90, 0), text_split(30, 1)) if method.reads == "texts" else (matrices(), matrices(30, 1))
    fitted = fit(method, train, other, LABELS, seed=0)
    # As run.json holds it.
    return fitted.classifier, json.loads(json.dumps(fitted.chosen.params))


@pytest.mark.parametrize("name", METHODS)
def test_what_a_fit_leaves_passes_the_check_of_its_state(tmp_path: Path, name: str) -> None:
    classifier, chosen = _fitted_run(name, tmp_path)
    save_classifier(classifier, tmp_path)
    assert load_classifier(tmp_path, METHODS[name], chosen, len(LABELS)) is not None
    if not METHODS[name].probabilities:
        inputs, labels = text_split(90, 0) if METHODS[name].reads == "texts" else matrices()
        for kind in (Calibration.SIGMOID, Calibration.ISOTONIC):
            save_classifier(_calibrated(classifier, kind, inputs, labels), tmp_path)
            assert load_classifier(tmp_path, METHODS[name], chosen, len(LABELS)) is not None


@pytest.mark.parametrize("preparation", range(4))
def test_each_scaling_of_neighbours_is_saved_and_checked(tmp_path: Path, preparation: int) -> None:
    """A step that is left out, and the distance, are part of what is held against the method."""
    method, (train, labels) = METHODS["knn"], matrices()
    every = [dict(one) for one in method.preparations]
    params = {"knn__n_neighbors": 5, "knn__weights": "distance"}
    classifier = method.make(0).set_params(**every[preparation], **params).fit(train, labels)
    save_classifier(classifier, tmp_path)
    read = load_classifier(tmp_path, method, every[preparation] | params, len(LABELS))
    held, _ = matrices(30, 1)
    assert np.array_equal(probabilities(read, held), probabilities(classifier, held))
    for other in (one for one in every if one != every[preparation]):
        with pytest.raises(RunError, match=r"steps are not those of the method|knn__metric is"):
            load_classifier(tmp_path, method, other | params, len(LABELS))
    with pytest.raises(RunError, match="the step scale is 'other'"):
        load_classifier(tmp_path, method, params | {"scale": "other"}, len(LABELS))


def test_the_scaling_is_chosen_on_validation() -> None:
    """Classes are told apart by one small feature beside large ones of chance, or by the angle alone."""
    rng = np.random.default_rng(0)
    labels = np.arange(240) % 3
    small = np.column_stack([labels + 0.1 * rng.normal(size=240), 50 * rng.normal(size=(240, 1))]).astype(np.float32)
    directions = np.eye(8)[labels] + 0.35 * rng.normal(size=(240, 8))
    rays = (10.0 ** rng.uniform(-2, 2, size=(240, 1)) * directions).astype(np.float32)
    for X, expected in ((small, {}), (rays, {"scale": "passthrough", "knn__metric": "cosine"})):
        fitted = fit(METHODS["knn"], (X[:160], labels[:160]), (X[160:], labels[160:]), LABELS, seed=0)
        assert {k: v for k, v in fitted.chosen.params.items() if k in ("scale", "knn__metric")} == expected
        assert fitted.chosen.score > 0.95
        assert len(fitted.trials) == 4 * 14


def _out_of_range(classifier: Any) -> None:
    tree = classifier[-1].estimators_[0].tree_
    tree.children_left[0] = tree.node_count + 1_000_000


def _in_a_circle(classifier: Any) -> None:
    classifier[-1].estimators_[0].tree_.children_left[0] = 0


def _far_feature(classifier: Any) -> None:
    classifier[-1].estimators_[0].tree_.feature[0] = 1 << 40


def _boosting_out(classifier: Any) -> None:
    classifier[-1]._predictors[0][0].nodes["left"][0] = 1 << 30


def _boosting_circle(classifier: Any) -> None:
    classifier[-1]._predictors[0][0].nodes["left"][0] = 0


def _pattern(classifier: Any) -> None:
    classifier[0].token_pattern = "(a+)+$"


def _reads_files(classifier: Any) -> None:
    classifier[0].input = "filename"


def _vocabulary(classifier: Any) -> None:
    classifier[0].vocabulary_["good"] = 1 << 40


def _support(classifier: Any) -> None:
    classifier[-1]._n_support[:] = [1 << 20, -(1 << 20), len(classifier[-1].support_vectors_)]


def _neighbours(classifier: Any) -> None:
    classifier[-1]._y = classifier[-1]._y[:3]


def _other_distance(classifier: Any) -> None:
    classifier[-1].effective_metric_ = "manhattan"


def _classes(classifier: Any) -> None:
    classifier[-1].classes_ = np.array([0, 1, 77])


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("random-forest", _out_of_range, "point out of it"),
        ("random-forest", _in_a_circle, "point out of it"),
        ("random-forest", _far_feature, "not there"),
        ("hist-gradient-boosting", _boosting_out, "point out of it"),
        ("hist-gradient-boosting", _boosting_circle, "point out of it"),
        ("tfidf-logreg", _pattern, "tfidf__token_pattern is"),
        ("tfidf-svm", _reads_files, "tfidf__input is 'filename'"),
        ("tfidf-logreg", _vocabulary, "vocabulary"),
        ("rbf-svm", _support, "support vectors do not fit"),
        ("knn", _neighbours, "neighbours do not fit"),
        ("knn", _other_distance, "neighbours do not fit"),
        ("logreg", _classes, "classes are not those"),
    ],
)
def test_a_state_that_no_fit_leaves_is_not_used(
    tmp_path: Path, name: str, damage: Callable[[Any], None], said: str
) -> None:
    """Compiled code would read beyond its arrays, go on for ever, or read files that a text names."""
    classifier, chosen = _fitted_run(name, tmp_path)
    damage(classifier)
    save_classifier(classifier, tmp_path)
    with pytest.raises(RunError, match=said):
        load_classifier(tmp_path, METHODS[name], chosen, len(LABELS))


def test_the_classifier_of_another_method_is_not_used(tmp_path: Path) -> None:
    classifier, _ = _fitted_run("random-forest", tmp_path)
    save_classifier(classifier, tmp_path)
    with pytest.raises(RunError, match="steps are not those of the method"):
        load_classifier(tmp_path, METHODS["logreg"], {}, len(LABELS))
    with pytest.raises(RunError, match="has no parameter 'scale__with_mean'"):
        load_classifier(tmp_path, METHODS["logreg"], {"scale__with_mean": False}, len(LABELS))


def test_what_is_only_old_is_said_with_both_versions(tmp_path: Path) -> None:
    import sklearn

    (tmp_path / "classifier.skops").write_bytes(b"not a zip")
    with pytest.raises(RunError, match=f"made with scikit-learn 0.24.1, .* {sklearn.__version__} here"):
        load_classifier(tmp_path, made_with="0.24.1")
