"""Attention over lengths that the processor likes.

The CPU's kernel of ``scaled_dot_product_attention`` takes up to twice as long for 30 tokens as for 32: what is left
over from a whole vector register is computed slowly. Here queries, keys and values are filled up to the next multiple
of 16, the keys masked, where that adds little; what is computed for the real tokens is the same. Registered with
Transformers as an attention of its own, under the name `NAME`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

#: Name among Transformers' attentions.
NAME = "featx_aligned"
_STEP = 16
#: Largest share of the filled-up length that may be filling; measured: beyond it copying costs more than it saves.
_LARGEST_WASTE = 0.2


def register() -> str:
    """Make the attention known to Transformers; its name there."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, aligned_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    return NAME


def aligned_length(n_tokens: int) -> int:
    """Length to which `n_tokens` are filled up: the next multiple of 16, or `n_tokens` where that is far.

    Examples
    --------
    >>> [aligned_length(n) for n in (20, 26, 30, 32, 39, 500)]
    [20, 32, 32, 32, 48, 512]
    """
    longer = -(-n_tokens // _STEP) * _STEP
    return longer if longer - n_tokens <= _LARGEST_WASTE * longer else n_tokens


def aligned_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as Transformers calls it.

    Parameters
    ----------
    query, key, value : Tensor of shape (n_texts, n_heads, n_tokens, head_size)
    attention_mask : Tensor of shape (n_texts, 1, n_tokens, n_tokens), bool, optional
        The same for every query; None where no token is padding.
    scaling : float, optional

    Returns
    -------
    Tensor of shape (n_texts, n_tokens, n_heads, head_size), None
    """
    from torch.nn.functional import scaled_dot_product_attention

    n_tokens = query.shape[2]
    length = aligned_length(n_tokens)
    if length == n_tokens:
        attended = scaled_dot_product_attention(query, key, value, attn_mask=attention_mask, scale=scaling)
        return attended.transpose(1, 2), None
    mask = _filled_mask(attention_mask, query, length)
    query, key, value = (_filled(states, length) for states in (query, key, value))
    attended = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)
    return attended[:, :, :n_tokens].transpose(1, 2), None


def _filled(states: torch.Tensor, length: int) -> torch.Tensor:
    n_texts, n_heads, n_tokens, head_size = states.shape
    # In the order of the projection that made them, so that rows are copied whole.
    filled = states.new_empty(n_texts, length, n_heads, head_size)
    filled[:, :n_tokens] = states.transpose(1, 2)
    filled[:, n_tokens:] = 0
    return filled.transpose(1, 2)


def _filled_mask(mask: torch.Tensor | None, query: torch.Tensor, length: int) -> torch.Tensor:
    """Mask of shape (n_texts, 1, length, length), to be added to the scores."""
    n_tokens = query.shape[2]
    filled = query.new_full((query.shape[0], 1, 1, length), float("-inf"))
    filled[..., :n_tokens] = 0
    if mask is not None:
        filled[..., :n_tokens].masked_fill_(~mask[:, :, :1], float("-inf"))
    return filled.expand(-1, 1, length, -1)
