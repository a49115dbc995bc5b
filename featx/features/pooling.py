"""Hidden states of tokens become one vector a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featx.settings import Pooling

if TYPE_CHECKING:
    import torch


def pool(hidden: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Vector of each text, float32.

    Parameters
    ----------
    hidden : Tensor of shape (n_texts, n_tokens, hidden_size)
    mask : Tensor of shape (n_texts, n_tokens)
        1 for tokens, 0 for padding.

    Returns
    -------
    Tensor of shape (n_texts, hidden_size), float32
        The first token's state, or the mean over the tokens that are no padding.
    """
    if pooling is Pooling.CLS:
        return hidden[:, 0].float()
    weights = mask.to(hidden.device).unsqueeze(-1).float()
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1)
