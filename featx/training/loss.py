"""The loss of a step: cross-entropy, whatever the model's own idea of it. May import ``settings``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.settings import ClassWeights


def class_weights(kind: ClassWeights, counts: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return the weight of each class, or None for equal ones.

    ``balanced`` is scikit-learn's ``n_texts / (n_classes * counts)``: its mean over the texts is 1, so that the
    learning rate keeps its meaning.

    Parameters
    ----------
    kind : ClassWeights
    counts : ndarray of shape (n_classes,), int64
        Texts of each class in train, none of them 0.

    Examples
    --------
    >>> class_weights(ClassWeights.BALANCED, np.array([1, 3]))
    array([2.        , 0.66666667])
    """
    if kind is ClassWeights.NONE:
        return None
    return np.asarray(counts.sum() / (len(counts) * counts), np.float64)


def constant_loss(kind: ClassWeights, counts: NDArray[np.int64], label_smoothing: float) -> float:
    """Return the least mean loss over train, in nats, of a model that answers the same to every text.

    It answers with the weighted and smoothed shares of the classes.

    Parameters
    ----------
    kind : ClassWeights
    counts : ndarray of shape (n_classes,), int64
        Texts of each class in train.
    label_smoothing : float
        Share of a label that is spread evenly over all classes, as in `torch.nn.CrossEntropyLoss`.

    Examples
    --------
    >>> round(constant_loss(ClassWeights.NONE, np.array([1, 3]), 0.0), 4)
    0.5623
    """
    return float(_loss_of_best_answer(counts / counts.sum() @ _targets(kind, counts, label_smoothing)))


def least_loss(kind: ClassWeights, counts: NDArray[np.int64], label_smoothing: float) -> float:
    """Return the least mean loss over train, in nats, of any model: above 0 where labels are smoothed.

    Examples
    --------
    >>> round(least_loss(ClassWeights.NONE, np.array([1, 3]), 0.1), 4)
    0.1985
    """
    return float(counts / counts.sum() @ _loss_of_best_answer(_targets(kind, counts, label_smoothing)))


def _targets(kind: ClassWeights, counts: NDArray[np.int64], label_smoothing: float) -> NDArray[np.float64]:
    """Return what the loss of a text of each class (rows) counts minus the log probability of each class with."""
    weights = class_weights(kind, counts)
    n = len(counts)
    targets = (1 - label_smoothing) * np.eye(n) + label_smoothing / n
    return targets if weights is None else targets * weights


def _loss_of_best_answer(targets: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = targets / targets.sum(axis=-1, keepdims=True)
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    return np.asarray(-(targets * logs).sum(axis=-1))


def loss_function(weights: NDArray[np.float64] | None, label_smoothing: float) -> Callable[..., Any]:
    """Return a ``compute_loss_func`` of the Trainer.

    Losses are added up and divided by the texts of the whole step (`num_items_in_batch`), so that two batches of 8
    that are accumulated give the gradient of one batch of 16, weights included. ``weights`` of the examples, shape
    (n_examples,), multiply their losses: windows of a long text count as one text together.
    """
    import torch
    from torch.nn.functional import cross_entropy

    weight = None if weights is None else torch.from_numpy(weights).float()

    def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None, weights: Any = None) -> Any:
        logits = outputs["logits"].float()
        each_or_sum = cross_entropy(
            logits,
            labels,
            weight=None if weight is None else weight.to(logits.device),
            label_smoothing=label_smoothing,
            reduction="sum" if weights is None else "none",
        )
        total = each_or_sum if weights is None else (weights.to(logits.device) * each_or_sum).sum()
        return total / (len(labels) if num_items_in_batch is None else num_items_in_batch)

    return loss
