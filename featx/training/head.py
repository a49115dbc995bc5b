"""A fitted linear classifier as the starting point of a model's head.

Transformers' heads are two linear layers with a nonlinearity f between them. Where f(z) - f(-z) = z, as for ReLU, GELU
and SiLU, a linear map fits in exactly: the first layer computes W h + b and its negative, the second one subtracts.
A tanh is odd and bounded, so there the first layer computes s (W h + b) with a small s, where tanh is straight, and
the second one divides by s. The rest of the first layer stays as it was, with zeros behind it: it can be learnt.
Decoders have one layer without a bias on the last token, which a linear map through the origin is put into as it is.
The idea of a probe before fine-tuning is LP-FT (Kumar et al., ICLR 2022). May import ``errors``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import TrainingError

#: Largest |s (W h + b)| that reaches a tanh: its relative error there is 1e-3 ** 2 / 3 = 3e-7.
_STRAIGHT = 1e-3
#: Largest difference of a logit from the probe's, as a share of the largest logit, that passes the check.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class LinearHead:
    """A linear classifier on the last hidden state of the token that the head reads: the first, or a decoder's last.

    Attributes
    ----------
    coef : ndarray of shape (n_classes, hidden_size), float64
    intercept : ndarray of shape (n_classes,), float64
    largest : float
        Largest |logit| on train.
    """

    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    largest: float


def place_head(model: Any, head: LinearHead, ids: list[NDArray[np.int32]]) -> dict[str, float]:
    """Make the head of `model` compute what `head` does.

    Parameters
    ----------
    model : PreTrainedModel
        In float32 on the CPU; its head is overwritten.
    head : LinearHead
    ids : list of int arrays
        Token ids of some texts, to check the result with.

    Returns
    -------
    dict
        Factors on the learning rate by parameter name. Behind a tanh the first layer's weights are small by s, so that
        their steps must be; their gradients are scaled as well, lest they alone fill the bound on the gradient's norm.

    Raises
    ------
    TrainingError
        If the head has a layout that no linear map is known to fit into.
    """
    alone = _without_bias(model)
    if alone is not None and alone.weight.shape == head.coef.shape and not head.intercept.any():
        before = _copies(alone.weight)
        _put_alone(alone, head)
        if _agrees(model, head, ids, token=-1):
            return {}
        _restore([alone.weight], before)
    for first, second in _layouts(model):
        n_classes, hidden_size = head.coef.shape
        if first.weight.shape[1] != hidden_size or second.weight.shape != (n_classes, first.weight.shape[0]):
            continue
        weights = [first.weight, first.bias, second.weight, second.bias]
        before = _copies(*weights)
        if 2 * n_classes <= len(first.weight):
            _put_pair(first, second, head)
            if _agrees(model, head, ids):
                return {}
        if n_classes <= len(first.weight):
            _restore(weights, before)
            scale = _STRAIGHT / max(head.largest, 1.0)
            _put_scaled(first, second, head, scale)
            if _agrees(model, head, ids):
                return _slowed(model, first, scale)
        _restore(weights, before)
    raise TrainingError(
        f"the head of {type(model).__name__} is none that a linear probe can be put into (two linear layers on the "
        "first token with ReLU, GELU or tanh between them, or one on the last token); train it without a probe"
    )


def _without_bias(model: Any) -> Any | None:
    """Return the only layer of a decoder's head."""
    import torch

    layers = (getattr(model, name, None) for name in ("score", "classifier"))
    return next((one for one in layers if isinstance(one, torch.nn.Linear) and one.bias is None), None)


def _put_alone(layer: Any, head: LinearHead) -> None:
    import torch

    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(head.coef).float())


def _layouts(model: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs of linear layers that may be a head: DistilBERT's, RoBERTa's, BERT's, DeBERTa's, ALBERT's."""
    import torch

    classifier, base = getattr(model, "classifier", None), model.base_model
    poolers = [getattr(owner, "pooler", None) for owner in (base, model)]
    pairs = [
        (getattr(model, "pre_classifier", None), classifier),
        (getattr(classifier, "dense", None), getattr(classifier, "out_proj", None)),
        *((getattr(pooler, "dense", pooler), classifier) for pooler in poolers),
    ]
    for first, second in pairs:
        if isinstance(first, torch.nn.Linear) and isinstance(second, torch.nn.Linear):
            yield first, second


def _put_pair(first: Any, second: Any, head: LinearHead) -> None:
    import torch

    n = len(head.coef)
    with torch.no_grad():
        second.weight.zero_()
        second.bias.zero_()
        for sign, rows in ((1.0, slice(0, n)), (-1.0, slice(n, 2 * n))):
            first.weight[rows] = torch.from_numpy(sign * head.coef).float()
            first.bias[rows] = torch.from_numpy(sign * head.intercept).float()
            second.weight[:, rows] = sign * torch.eye(n)


def _put_scaled(first: Any, second: Any, head: LinearHead, scale: float) -> None:
    import torch

    n = len(head.coef)
    with torch.no_grad():
        second.weight.zero_()
        second.bias.zero_()
        first.weight[:n] = torch.from_numpy(scale * head.coef).float()
        first.bias[:n] = torch.from_numpy(scale * head.intercept).float()
        second.weight[:, :n] = torch.eye(n) / scale


def _copies(*weights: Any) -> list[Any]:
    return [weight.detach().clone() for weight in weights]


def _restore(weights: list[Any], before: list[Any]) -> None:
    import torch

    with torch.no_grad():
        for weight, old in zip(weights, before, strict=True):
            weight.copy_(old)


def _slowed(model: Any, first: Any, scale: float) -> dict[str, float]:
    own = {id(first.weight), id(first.bias)}
    for weight in (first.weight, first.bias):
        weight.register_hook(lambda gradient: gradient * scale)
    return {name: scale for name, weight in model.named_parameters() if id(weight) in own}


def _agrees(model: Any, head: LinearHead, ids: list[NDArray[np.int32]], token: int = 0) -> bool:
    """Return whether the model's logits are the linear map of the last hidden state of its own `token`."""
    import torch

    was_training = model.training
    model.eval()
    largest = difference = 0.0
    with torch.inference_mode():
        for tokens in ids:
            inputs = {"input_ids": torch.from_numpy(tokens.astype(np.int64))[None]}
            state = model.base_model(**inputs).last_hidden_state[0, token].double().numpy()
            wanted = head.coef @ state + head.intercept
            made = model(**inputs).logits[0].double().numpy()
            largest = max(largest, float(np.abs(wanted).max()))
            difference = max(difference, float(np.abs(made - wanted).max()))
    model.train(was_training)
    return difference <= TOLERANCE * max(largest, 1.0)
