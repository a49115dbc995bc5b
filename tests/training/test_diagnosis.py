"""Trainings that ended too early, learned nothing, or went on after it, are named with what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from trainings import SHORT

from featx.settings import CaveatCode, ClassWeights
from featx.training.diagnosis import judge
from featx.training.loss import class_weights, constant_loss, least_loss, loss_function


@pytest.mark.parametrize(
    ("losses", "best", "last", "expected"),
    [
        ([(1, 1.0), (2, 0.8)], 2, 2, True),
        ([(1, 1.0), (2, 0.8)], 1, 2, False),
        ([(1, 1.0), (2, 0.999)], 2, 2, False),
        ([(1, 1.0), (2, 1.2)], 2, 2, False),
        ([(0.25, 1.1), (0.5, 1.0), (0.75, 0.9), (1, 0.8)], 1, 1, True),
        ([(1, 1.0)], 1, 1, False),
        ([(1, 2.0), (2, 1.0), (3, 1.0)], 3, 3, False),
        ([], 0, 0, False),
    ],
)
def test_under_trained(losses: list[tuple[float, float]], best: float, last: float, expected: bool) -> None:
    history = [{"epoch": epoch, "loss": loss} for epoch, loss in losses]
    verdict = judge([*history, {"epoch": last, "eval_f1_macro": 0.5}], best, last, SHORT)
    assert verdict.under_trained is expected
    assert (verdict.advice is not None) is expected


def test_advice_fits_a_search_and_a_bound_on_steps() -> None:
    history = [{"epoch": 1.0, "loss": 1.0}, {"epoch": 2.0, "loss": 0.5}]
    bounded = judge(history, 2, 2, replace(SHORT, max_steps=60)).advice
    assert bounded.startswith("still improving at the end: raise `max_steps` above 60, or leave it out")
    advice = judge(history, 2, 2, replace(SHORT, search=4)).advice
    assert advice == "still improving at the end: raise `search` above 4, or set `num_train_epochs` above 2 without it"
    assert json.dumps(advice)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("kind", list(ClassWeights))
def test_constant_loss_is_what_torch_finds_for_one_answer_to_every_text(kind: ClassWeights, smoothing: float) -> None:
    counts = np.array([5, 20, 75])
    weights = class_weights(kind, counts)
    labels = torch.from_numpy(np.repeat(np.arange(3), counts))
    answer = torch.zeros(3, dtype=torch.float32, requires_grad=True)
    descent = torch.optim.LBFGS([answer], max_iter=100)
    loss = loss_function(weights, smoothing)

    def closure() -> torch.Tensor:
        descent.zero_grad()
        value = loss({"logits": answer.expand(len(labels), 3)}, labels)
        value.backward()
        return value

    descent.step(closure)
    assert constant_loss(kind, counts, smoothing) == pytest.approx(closure().item(), abs=1e-5)


def test_a_class_without_texts_costs_nothing() -> None:
    assert constant_loss(ClassWeights.NONE, np.array([1, 0, 1]), 0.0) == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    ("losses", "best", "expected"),
    [
        ([1.1, 1.1], 2, "learned nothing"),
        ([1.1, 1.1], 1, "learned nothing"),
        ([0.5, 1.1], 1, "learned nothing"),
        ([1.1], 1, "learned nothing"),
        ([2.0, 1.1], 2, "still improving"),
        ([2.0, 1.1], 1, "learned nothing"),
        ([1.1, 0.98], 1, None),
        ([1.1, 0.995], 1, "learned nothing"),
        ([], 0, None),
    ],
)
def test_a_loss_no_better_than_that_of_a_constant_answer(
    losses: list[float], best: float, expected: str | None
) -> None:
    history = [{"epoch": float(epoch), "loss": loss} for epoch, loss in enumerate(losses, 1)]
    verdict = judge(history, best, len(losses), SHORT, constant_loss=1.0)
    assert verdict.under_trained is (expected is not None)
    assert expected is None or verdict.advice.startswith(expected)


def test_advice_for_one_that_learned_nothing() -> None:
    stuck = [{"epoch": 1.0, "loss": 1.1}]
    advice = judge(stuck, 1, 1, SHORT, 1.0986).advice
    assert advice == (
        "learned nothing: its training loss is 1.100, that of the same answer to every text 1.099; "
        "try `search` 8, or another `learning_rate` than 0.003"
    )
    assert "raise `search` above 4" in judge(stuck, 1, 1, replace(SHORT, search=4), 1.0986).advice


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("kind", list(ClassWeights))
def test_least_loss_is_what_torch_finds_for_an_answer_of_its_own_to_each_class(
    kind: ClassWeights, smoothing: float
) -> None:
    counts = np.array([5, 20, 75])
    labels = torch.from_numpy(np.repeat(np.arange(3), counts))
    answers = torch.zeros(3, 3, requires_grad=True)
    descent = torch.optim.LBFGS([answers], max_iter=200)
    loss = loss_function(class_weights(kind, counts), smoothing)

    def closure() -> torch.Tensor:
        descent.zero_grad()
        value = loss({"logits": answers[labels]}, labels)
        value.backward()
        return value

    for _ in range(5):
        descent.step(closure)
    assert least_loss(kind, counts, smoothing) == pytest.approx(closure().item(), abs=1e-3)
    assert least_loss(kind, counts, smoothing) <= constant_loss(kind, counts, smoothing)


def evaluated(scores: list[float], losses: list[float], training: list[float], error: float = 0.04) -> list[dict]:
    """A log with one entry of each kind an epoch."""
    log: list[dict] = []
    for epoch, (score, loss, train) in enumerate(zip(scores, losses, training, strict=True), 1):
        log.append({"epoch": float(epoch), "loss": train})
        log.append(
            {"epoch": float(epoch), "eval_loss": loss, "eval_f1_macro": score, "eval_f1_macro_standard_error": error}
        )
    return log


@pytest.mark.parametrize(
    ("scores", "losses", "training", "code"),
    [
        # A gain that its standard error explains, after the training loss came to nothing: no more training is due.
        ([0.60, 0.66, 0.67], [1.0, 0.9, 0.9], [0.9, 0.2, 0.1], None),
        # A gain beyond it, while the loss falls.
        ([0.40, 0.50, 0.60], [1.0, 0.9, 0.8], [0.9, 0.6, 0.5], "under-trained"),
        ([0.40, 0.50, 0.60], [1.0, 0.9, 0.8], [0.9, 0.5, 0.5], None),
        # A loss that is still high and falls, whatever luck an earlier epoch had on validation.
        ([0.42, 0.40, 0.41], [1.05, 1.04, 1.0], [1.05, 1.0, 0.95], "under-trained"),
        ([0.60, 0.40, 0.41], [1.05, 1.04, 1.0], [1.05, 1.0, 0.95], None),
        ([0.42, 0.40, 0.41], [1.05, 1.04, 1.0], [1.05, 1.1, 1.2], "learned-nothing"),
        ([0.42, 0.40, 0.41], [1.1, 1.1, 1.1], [1.11, 1.12, 1.1], "learned-nothing"),  # a loss that wavers
        # Validation loss rising while that of training goes to nothing, however the score does.
        ([0.60, 0.61, 0.70], [0.9, 1.0, 1.3], [0.8, 0.3, 0.05], "overfitted"),
        ([0.60, 0.70, 0.61], [0.9, 1.0, 1.3], [0.8, 0.3, 0.05], "overfitted"),
        ([0.70, 0.61, 0.60], [0.9, 1.0, 1.3], [0.8, 0.3, 0.05], None),  # the epoch that is kept is from before
        ([0.60, 0.61, 0.62], [0.9, 0.9, 0.95], [0.8, 0.3, 0.05], None),
    ],
)
def test_what_the_validation_log_adds(
    scores: list[float], losses: list[float], training: list[float], code: str | None
) -> None:
    history = evaluated(scores, losses, training)
    best = 1.0 + scores.index(max(scores))
    verdict = judge(history, best, 3.0, SHORT, constant_loss=1.0986)
    assert verdict.code == code
    assert verdict.under_trained is (code in ("under-trained", "learned-nothing"))
    assert (verdict.advice is None) is (code is None)


def test_the_demos_training_is_overfitted_and_not_under_trained() -> None:
    """Its training loss goes from 1.00 to 0.03 and its validation loss rises from epoch 3 on, while its last epoch has
    the best score by less than a standard error."""
    history = json.loads((Path(__file__).parent / "histories" / "demo.json").read_text())
    scores = [(entry["eval_f1_macro"], entry["epoch"]) for entry in history if "eval_f1_macro" in entry]
    assert max(scores)[1] == 8
    verdict = judge(history, 8.0, 8.0, SHORT, constant_loss=1.0986)
    assert verdict.code is CaveatCode.OVERFITTED
    assert verdict.advice.startswith("the validation loss rose from 0.899 at epoch 3 to 1.455 while the training loss")


def test_smoothed_labels_do_not_make_a_loss_high() -> None:
    """The least loss of smoothed labels is well above 0: a training that reached it has nothing left to learn."""
    counts = np.array([1, 1, 1])
    least, constant = least_loss(ClassWeights.NONE, counts, 0.3), constant_loss(ClassWeights.NONE, counts, 0.3)
    history = evaluated([0.6, 0.66, 0.67], [0.9, 0.8, 0.8], [1.0, least + 0.05, least + 0.03])
    assert judge(history, 3.0, 3.0, SHORT, constant, least).code is None
    assert judge(history, 3.0, 3.0, SHORT, constant, 0.0).under_trained
