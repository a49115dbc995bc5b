"""Hidden states of tokens become one vector a text.

A pooling is a member of `Pooling` and a function here; one without a function does not pass mypy, and fails loudly.
All but [CLS] are those of the Pooling module of sentence-transformers. Padding may stand on either side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from featx.settings import Pooling

if TYPE_CHECKING:
    import torch


def pool(hidden: torch.Tensor, mask: torch.Tensor, pooling: Pooling, cls_place: int = 0) -> torch.Tensor:
    """Return the vector of each text, float32.

    Parameters
    ----------
    hidden : Tensor of shape (n_texts, n_tokens, hidden_size)
        Or (n_texts, 1, hidden_size) where [CLS] alone was computed.
    mask : Tensor of shape (n_texts, n_tokens)
        1 for tokens, 0 for padding; at least one token a text.
    pooling : Pooling
        Resolved: never auto.
    cls_place : int
        Where [CLS] stands among the tokens of a text: 0 is the first of them, -1 the last.

    Returns
    -------
    Tensor of shape (n_texts, hidden_size), float32
    """
    mask = mask.to(hidden.device)
    match pooling:
        case Pooling.CLS:
            return token(hidden, mask, cls_place)
        case Pooling.LAST:
            return token(hidden, mask, -1)
        case Pooling.MEAN:
            return mean(hidden, mask)
        case Pooling.WEIGHTED_MEAN:
            return mean(hidden, mask.cumsum(dim=1) * mask)
        case Pooling.MAX:
            return largest(hidden, mask)
        case Pooling.AUTO:
            raise ValueError("pooling is auto; expected one that resolve_features gives")
        case _:
            assert_never(pooling)


def token(hidden: torch.Tensor, mask: torch.Tensor, place: int) -> torch.Tensor:
    """Return the state of one token of each text: from the first on (0, 1, …) or from the last back (-1, -2, …)."""
    import torch

    if hidden.shape[1] == 1:
        return hidden[:, 0].float()
    edge = mask.argmax(dim=1) if place >= 0 else mask.shape[1] - mask.flip(1).argmax(dim=1)
    return hidden[torch.arange(len(hidden), device=hidden.device), edge + place].float()


def mean(hidden: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the mean over the tokens, each by its weight; those of weight 0 count for nothing.

    With the weights 1 … n over the tokens of a text it is the weighted mean of SGPT (Muennighoff, 2022), in which the
    tokens of a decoder that have read more count for more.
    """
    weights = weights.unsqueeze(-1).float()
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1)


def largest(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return in each dimension the largest value of the tokens that are no padding."""
    return hidden.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(dim=1).float()
