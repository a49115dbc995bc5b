"""The best epoch by validation, its weights, and when to give up on a better one. May import ``config``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class BestEpoch:
    """The best evaluation of a training so far; of equal ones the earliest.

    Attributes
    ----------
    score : float
        `SELECTION_METRIC` on validation; NaN before the first evaluation.
    epoch : float
        Passes over train when it was reached; 0 is before the first step.
    step : int
    without_gain : int
        Evaluations since then.
    weights : dict or None
        Copies, on the CPU, of all that is trained.
    """

    score: float = float("nan")
    epoch: float = 0.0
    step: int = -1
    without_gain: int = 0
    weights: dict[str, Any] | None = None

    def see(self, score: float, epoch: float, step: int, model: Any) -> None:
        """Take note of an evaluation."""
        if self.score >= score:  # False before the first, where the score is NaN
            self.without_gain += 1
            return
        self.score, self.epoch, self.step, self.without_gain = score, epoch, step, 0
        self.weights = copy_of_weights(model)

    def to_json(self) -> dict[str, Any]:
        """All but the weights."""
        return {
            "score": None if self.step < 0 else self.score,
            "epoch": self.epoch,
            "step": self.step,
            "without_gain": self.without_gain,
        }

    def restore(self, facts: dict[str, Any], weights: dict[str, Any] | None) -> None:
        """Be as `facts` of `to_json` say."""
        self.score = float("nan") if facts["score"] is None else float(facts["score"])
        self.epoch, self.step = float(facts["epoch"]), int(facts["step"])
        self.without_gain, self.weights = int(facts["without_gain"]), weights


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
