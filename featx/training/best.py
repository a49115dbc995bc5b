"""The best epoch by validation, its weights, and when to give up on a better one. May import ``config``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class BestEpoch:
    """The evaluation of a training that is kept so far.

    It is the one with the highest score; of equal ones the earliest. With `latest` it is the last one within one
    standard error of the highest score: between scores that so few texts cannot tell apart the higher is the luckier,
    while the later one has the weights that a falling learning rate has brought to rest.

    Attributes
    ----------
    latest : bool
    score : float
        `SELECTION_METRIC` on validation; NaN before the first evaluation.
    epoch : float
        Passes over train when it was reached; 0 is before the first step.
    step : int
    highest, standard_error : float
        Highest score of all evaluations, and its standard error.
    without_gain : int
        Evaluations since the highest score.
    weights : dict or None
        Copies, on the CPU, of all that is trained.
    """

    latest: bool = False
    score: float = float("nan")
    epoch: float = 0.0
    step: int = -1
    highest: float = float("nan")
    standard_error: float = 0.0
    without_gain: int = 0
    weights: dict[str, Any] | None = None

    def see(self, score: float, standard_error: float, epoch: float, step: int, model: Any) -> None:
        """Take note of an evaluation."""
        is_highest = not self.highest >= score  # True for the first, before which it is NaN
        self.without_gain = 0 if is_highest else self.without_gain + 1
        if is_highest:
            self.highest, self.standard_error = score, standard_error
        if is_highest or (self.latest and score >= self.highest - self.standard_error):
            self.score, self.epoch, self.step = score, epoch, step
            self.weights = copy_of_weights(model)

    def to_json(self) -> dict[str, Any]:
        """Return all but the weights, for a checkpoint; the scores are left out before the first evaluation."""
        numbers = {name: getattr(self, name) for name in ("score", "highest", "standard_error")}
        return {
            "epoch": self.epoch,
            "step": self.step,
            "without_gain": self.without_gain,
            **(dict.fromkeys(numbers) if self.step < 0 else numbers),
        }

    def restore(self, facts: dict[str, Any], weights: dict[str, Any] | None) -> None:
        """Be as `facts` of `to_json` say."""
        self.epoch, self.step = float(facts["epoch"]), int(facts["step"])
        self.without_gain, self.weights = int(facts["without_gain"]), weights
        if self.step >= 0:
            self.score, self.highest = float(facts["score"]), float(facts["highest"])
            self.standard_error = float(facts["standard_error"])


def trained_tensors(model: Any) -> Iterator[tuple[str, Any]]:
    """Name and tensor of all that training changes: parameters with a gradient, and buffers that are saved."""
    kept = set(model.state_dict(keep_vars=True))
    yield from ((name, weight) for name, weight in model.named_parameters() if weight.requires_grad)
    yield from ((name, buffer) for name, buffer in model.named_buffers() if name in kept)


def copy_of_weights(model: Any) -> dict[str, Any]:
    """Copies, on the CPU, of `trained_tensors`."""
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in trained_tensors(model)}


def put_weights(model: Any, weights: dict[str, Any]) -> None:
    """Write `copy_of_weights` back.

    Raises
    ------
    KeyError
        If one is missing.
    """
    import torch

    with torch.no_grad():
        for name, tensor in trained_tensors(model):
            tensor.copy_(weights[name])
