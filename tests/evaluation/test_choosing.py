"""The standard error of macro-F1 is that of the bootstrap; the log loss is the lowest that a temperature gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.metrics import f1_score, log_loss

from featx.evaluation import Predictions, f1_macro_standard_error, temperature_scaled_log_loss


def predictions(n: int, shares: list[float], seed: int, sharpness: float = 1.0) -> Predictions:
    rng = np.random.default_rng(seed)
    y_true = rng.choice(len(shares), n, p=shares)
    logits = rng.normal(size=(n, len(shares))) + 1.5 * np.eye(len(shares))[y_true]
    names = tuple(f"class {k}" for k in range(len(shares)))
    return Predictions(y_true, logits.argmax(axis=1), softmax(sharpness * logits, axis=1), names)


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.3, 0.5, 0.2], [0.05, 0.15, 0.2, 0.6]])
@pytest.mark.parametrize("n", [300, 3000])
def test_standard_error_is_that_of_the_bootstrap(shares: list[float], n: int) -> None:
    made = predictions(n, shares, seed=n)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(1000):
        rows = rng.integers(0, n, n)
        drawn.append(f1_score(made.y_true[rows], made.y_pred[rows], average="macro"))
    assert f1_macro_standard_error(made) == pytest.approx(np.std(drawn), rel=0.1)


def test_standard_error_halves_with_four_times_the_texts() -> None:
    made = predictions(200, [0.3, 0.7], seed=1)
    repeated = Predictions(np.tile(made.y_true, 4), np.tile(made.y_pred, 4), None, made.label_names)
    assert f1_macro_standard_error(repeated) == pytest.approx(f1_macro_standard_error(made) / 2)


def test_classes_that_do_not_occur_and_perfect_labels() -> None:
    made = predictions(200, [0.3, 0.7], seed=1)
    wider = replace(made, y_score=None, label_names=(*made.label_names, "nobody's"))
    assert f1_macro_standard_error(wider) == pytest.approx(f1_macro_standard_error(made))
    assert f1_macro_standard_error(replace(made, y_pred=made.y_true)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3, 20])
def test_log_loss_is_the_lowest_over_temperatures(n_classes: int) -> None:
    made = predictions(400, [1 / n_classes] * n_classes, seed=2)
    logits = np.log(made.y_score)
    lowest = min(
        log_loss(made.y_true, np.exp(log_softmax(logits / t, axis=1)), labels=range(n_classes))
        for t in np.geomspace(0.1, 10, 2000)
    )
    assert temperature_scaled_log_loss(made) == pytest.approx(lowest, rel=1e-4)
    assert temperature_scaled_log_loss(made) <= log_loss(made.y_true, made.y_score) + 1e-9


@pytest.mark.parametrize("sharpness", [0.2, 5.0])
def test_overconfidence_does_not_count(sharpness: float) -> None:
    plain, other = (predictions(400, [0.4, 0.3, 0.3], seed=3, sharpness=s) for s in (1.0, sharpness))
    assert temperature_scaled_log_loss(other) == pytest.approx(temperature_scaled_log_loss(plain), rel=1e-4)


def test_extremes() -> None:
    sure = Predictions(np.array([0, 1]), np.array([0, 1]), np.eye(2), ("a", "b"))
    assert temperature_scaled_log_loss(sure) == pytest.approx(0.0, abs=1e-6)
    wrong = replace(sure, y_true=np.array([1, 0]))  # the highest temperature says nothing of either
    assert np.log(2) < temperature_scaled_log_loss(wrong) < 2
    with pytest.raises(ValueError, match="expected probabilities"):
        temperature_scaled_log_loss(replace(sure, y_score=None))
