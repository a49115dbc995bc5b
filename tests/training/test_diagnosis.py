"""Trainings that ended too early, or learned nothing, are named with what to do."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from trainings import SHORT

from featx.settings import ClassWeights
from featx.training.diagnosis import judge
from featx.training.loss import class_weights, constant_loss, loss_function


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
    assert bounded.startswith("still improving at the end: raise --max-steps above 60, or leave it out")
    advice = judge(history, 2, 2, replace(SHORT, search=4)).advice
    assert advice == "still improving at the end: raise --search above 4, or set --num-train-epochs above 2 without it"
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
        "try --search 8, or another --learning-rate than 0.003"
    )
    assert "raise --search above 4" in judge(stuck, 1, 1, replace(SHORT, search=4), 1.0986).advice
