"""The epoch that is kept: the one with the highest score, or in a search the latest of those near it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from trainings import SHORT, scores, train

from featx.training import validating
from featx.training.best import BestEpoch

Evaluation = tuple[float, float]  # score, standard error


def model(weight: float) -> torch.nn.Module:
    made = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(made.weight, weight)
    return made


def seen(evaluations: list[Evaluation], best: BestEpoch, first: int = 1) -> BestEpoch:
    """After `evaluations`, one an epoch, whose model has the epoch as its weight."""
    for epoch, (score, error) in enumerate(evaluations, first):
        best.see(score, error, float(epoch), 10 * epoch, model(epoch))
    return best


@pytest.mark.parametrize(
    ("evaluations", "highest", "latest"),
    [
        ([(0.5, 0.1)], 1, 1),
        ([(0.70, 0.02), (0.71, 0.02)], 2, 2),
        ([(0.71, 0.02), (0.70, 0.02)], 1, 2),
        ([(0.73, 0.02), (0.70, 0.02)], 1, 1),
        ([(0.72, 0.02), (0.71, 0.02), (0.695, 0.02)], 1, 2),  # near the one that was kept, not near the highest
        ([(0.72, 0.02), (0.60, 0.02), (0.71, 0.02)], 1, 3),
        ([(0.72, 0.01), (0.70, 0.05)], 1, 1),  # the error is that of the highest
        ([(0.60, 0.30), (0.72, 0.01), (0.70, 0.30)], 2, 2),
        ([(0.70, 0.02), (0.70, 0.02)], 1, 2),
        ([(0.0, 0.0), (0.0, 0.0)], 1, 2),
    ],
)
def test_the_epoch_that_is_kept(evaluations: list[Evaluation], highest: int, latest: int) -> None:
    for flag, expected in ((False, highest), (True, latest)):
        best = seen(evaluations, BestEpoch(latest=flag))
        assert (best.epoch, best.step) == (expected, 10 * expected)
        assert best.score == evaluations[expected - 1][0]
        assert best.weights["weight"].item() == expected
        assert best.highest == max(score for score, _ in evaluations)
        assert best.without_gain == len(evaluations) - highest


def random_evaluations(seed: int) -> list[Evaluation]:
    rng = np.random.default_rng(seed)
    return [tuple(map(float, row)) for row in rng.random((6, 2)).round(1) * (1, 0.3)]


@pytest.mark.parametrize("seed", range(50))
def test_what_is_kept_is_the_last_within_one_error_of_the_highest_of_all(seed: int) -> None:
    evaluations = random_evaluations(seed)
    highest, error = max(evaluations, key=lambda evaluation: evaluation[0])
    near = [epoch for epoch, (score, _) in enumerate(evaluations, 1) if score >= highest - error]
    assert seen(evaluations, BestEpoch(latest=True)).epoch == near[-1]


@pytest.mark.parametrize("latest", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_one_that_was_written_down_goes_on_as_if_it_had_not(seed: int, latest: bool) -> None:
    evaluations = random_evaluations(seed)
    whole = seen(evaluations, BestEpoch(latest=latest))
    for cut in range(len(evaluations)):
        first = seen(evaluations[:cut], BestEpoch(latest=latest))
        again = BestEpoch(latest=latest)
        again.restore(json.loads(json.dumps(first.to_json(), allow_nan=False)), first.weights)
        seen(evaluations[cut:], again, cut + 1)
        assert again == whole


def test_a_trial_of_a_search_keeps_the_latest_epoch_near_the_best(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a schedule that does not depend on the end, epoch 2 of three is what two epochs end with."""
    constant = replace(SHORT, lr_scheduler_type="constant")
    one, two = (scores(train(tiny, replace(constant, num_train_epochs=epochs))) for epochs in (1, 2))
    real, kept = validating.measure, []
    for search in (0, 1):
        values = iter([0.71, 0.69, 0.67])
        with monkeypatch.context() as patch:
            patch.setattr(validating, "measure", lambda made, v=values: real(made) | {"f1_macro": next(v)})
            patch.setattr(validating, "f1_macro_standard_error", lambda made: 0.03)
            kept.append(train(tiny, replace(constant, num_train_epochs=3, search=search)))
    assert [(made.best_epoch, made.best_score) for made in kept] == [(1, 0.71), (2, 0.69)]
    assert np.array_equal(scores(kept[0]), one)
    assert np.array_equal(scores(kept[1]), two)
