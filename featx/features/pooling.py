"""Hidden states of tokens become one vector a text.

A pooling is a member of `Pooling` and a function here; one without a function does not pass mypy, and fails loudly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from featx.settings import Pooling

if TYPE_CHECKING:
    import torch


def pool(hidden: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return the vector of each text, float32.

    Parameters
    ----------
    hidden : Tensor of shape (n_texts, n_tokens, hidden_size)
    mask : Tensor of shape (n_texts, n_tokens)
        1 for tokens, 0 for padding.
    pooling : Pooling

    Returns
    -------
    Tensor of shape (n_texts, hidden_size), float32
    """
    match pooling:
        case Pooling.CLS:
            return first_token(hidden)
        case Pooling.MEAN:
            return mean(hidden, mask)
        case Pooling.MAX | Pooling.WEIGHTED_MEAN | Pooling.LAST | Pooling.AUTO:
            raise NotImplementedError(pooling)
        case _:
            assert_never(pooling)


def first_token(hidden: torch.Tensor) -> torch.Tensor:
    """Return the first token's state: that of [CLS] where the tokenizer adds it."""
    return hidden[:, 0].float()


def mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean over the tokens that are no padding."""
    weights = mask.to(hidden.device).unsqueeze(-1).float()
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1)
