"""Every metric equals scikit-learn's, absent classes and single-class splits included."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from featx.evaluation import METRICS, Predictions, confusion_matrix, measure, metrics_of_confusion
from featx.evaluation.confusion import CONFUSION_METRICS
from featx.evaluation.metrics import SCORE_METRICS, expected_calibration_error
from featx.runs.record import SCHEMA_VERSION


@st.composite
def predictions(draw: st.DrawFn) -> Predictions:
    n_classes = draw(st.integers(2, 5))
    n = draw(st.integers(1, 40))
    label = st.integers(0, n_classes - 1)
    y_true = np.array(draw(st.lists(label, min_size=n, max_size=n)), np.int64)
    raw = np.random.default_rng(draw(st.integers(0, 1000))).random((n, n_classes)) ** 4 + 1e-12
    y_score = raw / raw.sum(axis=1, keepdims=True)
    y_pred = np.array(draw(st.lists(label, min_size=n, max_size=n)), np.int64)
    return Predictions(y_true, y_pred, y_score, tuple(f"class {i}" for i in range(n_classes)))


@given(predictions())
def test_equal_to_scikit_learn(made: Predictions) -> None:
    ours = measure(made)
    labels = list(range(len(made.label_names)))
    truth = (made.y_true, made.y_pred)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn remarks on the undefined cases that we compare
        theirs = {
            "accuracy": reference.accuracy_score(*truth),
            "f1_macro": reference.f1_score(*truth, average="macro", zero_division=0),
            "f1_weighted": reference.f1_score(*truth, average="weighted", zero_division=0),
            "recall_macro": reference.recall_score(*truth, average="macro", zero_division=0),
            "mcc": reference.matthews_corrcoef(*truth),
            "log_loss": reference.log_loss(made.y_true, made.y_score, labels=labels),
            "brier": reference.brier_score_loss(
                made.y_true, made.y_score if len(labels) > 2 else made.y_score[:, 1], labels=labels
            ),
        }
        classes = reference.precision_recall_fscore_support(*truth, labels=labels, zero_division=0)
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, abs=1e-12), name
    for i, label in enumerate(made.label_names):
        row = ours["per_class"][label]
        assert [row["precision"], row["recall"], row["f1"], row["support"]] == pytest.approx([c[i] for c in classes])
    assert ours["confusion_matrix"] == reference.confusion_matrix(*truth, labels=labels).tolist()


def slow_ece(y_true: np.ndarray, y_score: np.ndarray) -> float:
    """Guo et al. (2017), eq. 5, bin by bin."""
    confidence, correct = y_score.max(axis=1), y_score.argmax(axis=1) == y_true
    total = 0.0
    for m in range(15):
        inside = (confidence > m / 15) & (confidence <= (m + 1) / 15)
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return total


@given(predictions())
def test_calibration_error_equals_its_definition(made: Predictions) -> None:
    assert expected_calibration_error(made.y_true, made.y_score) == pytest.approx(slow_ece(made.y_true, made.y_score))


def test_calibration_error_of_the_certain_and_right_is_zero() -> None:
    assert expected_calibration_error(np.array([0, 1]), np.eye(2)) == 0
    assert expected_calibration_error(np.array([1, 0]), np.eye(2)) == 1


def test_many_matrices_at_once_equal_one_by_one() -> None:
    matrices = np.random.default_rng(0).integers(0, 9, (50, 3, 3))
    together = metrics_of_confusion(matrices)
    for i, matrix in enumerate(matrices):
        alone = metrics_of_confusion(matrix)
        for name in CONFUSION_METRICS:
            assert together[name][i] == alone[name]


def test_no_scores_no_score_metrics() -> None:
    made = measure(Predictions(np.array([0, 1]), np.array([0, 0]), None, ("a", "b")))
    assert {name for name, metric in METRICS.items() if metric.needs_scores} == set(METRICS) - set(made)


def test_nothing_to_measure_is_an_error() -> None:
    with pytest.raises(ValueError, match="no predictions to measure"):
        measure(Predictions(np.array([], np.int64), np.array([], np.int64), None, ("a", "b")))


def test_rows_are_true_and_columns_predicted() -> None:
    made = Predictions(np.array([0, 0, 1]), np.array([1, 1, 1]), None, ("a", "b"))
    assert confusion_matrix(made).tolist() == [[0, 2], [0, 1]]


@pytest.mark.parametrize(
    ("y_true", "y_pred", "y_score", "words"),
    [
        ([0], [0, 1], None, r"must be one shape"),
        ([0, 2], [0, 1], None, r"y_true spans 0 to 2, expected 0 to 1"),
        ([0, 1], [-1, 1], None, r"y_pred spans -1 to 1"),
        ([0, 1], [0, 1], [[1.0, 0.0]], r"y_score has shape \(1, 2\)"),
        ([0], [0], [[0.9, 0.2]], r"each row summing to 1"),
        ([0], [0], [[np.nan, 1.0]], r"finite"),
    ],
)
def test_predictions_that_cannot_be(y_true: list, y_pred: list, y_score: list | None, words: str) -> None:
    scores = None if y_score is None else np.array(y_score)
    with pytest.raises(ValueError, match=words):
        Predictions(np.array(y_true), np.array(y_pred), scores, ("a", "b"))


def test_every_metric_is_declared_once_and_says_what_it_needs() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.4, 0.6]])
    made = Predictions(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1]), scores, ("a", "b"))
    perfect = Predictions(made.y_true, made.y_true, np.eye(2)[made.y_true], ("a", "b"))
    ours, best = measure(made), measure(perfect)
    assert [name for name in ours if name in METRICS] == list(METRICS)
    for name, metric in METRICS.items():
        assert metric.name == name
        assert (best[name] > ours[name]) == metric.greater_is_better, name
        assert 1 <= metric.since <= SCHEMA_VERSION
    assert {name for name, metric in METRICS.items() if metric.resampled} == {*CONFUSION_METRICS, *SCORE_METRICS}


@given(predictions())
def test_ranking_metrics_equal_scikit_learn_and_are_absent_where_undefined(made: Predictions) -> None:
    ours, n_classes = measure(made), len(made.label_names)
    if len(set(made.y_true.tolist())) < n_classes:
        assert not {"roc_auc", "average_precision"} & set(ours)
        return
    scores = made.y_score[:, 1] if n_classes == 2 else made.y_score
    assert ours["roc_auc"] == pytest.approx(reference.roc_auc_score(made.y_true, scores, multi_class="ovr"), abs=1e-12)
    each = [reference.average_precision_score(made.y_true == k, made.y_score[:, k]) for k in range(n_classes)]
    assert ours["average_precision"] == pytest.approx(np.mean(each), abs=1e-12)
