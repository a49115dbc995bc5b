"""The last layer for the first token alone.

When only the first token's vector is wanted, the last layer needs keys and values of all tokens, but query, output
projection, normalisation and feed-forward of the first only. What is computed is the same; what is left out is never
read. Known layouts: BERT and its kin (RoBERTa, XLM-R, CamemBERT, Electra), MPNet and DistilBERT; any other
architecture takes the plain path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

#: (query, key, value) of a layer, number of heads, and the rest of the layer: (context, first state) to new state.
_Rest = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class _Parts:
    query: Any
    key: Any
    value: Any
    n_heads: int
    rest: _Rest


def _bert(layer: Any) -> _Parts:
    attention = layer.attention.self

    def rest(context: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        attended = layer.attention.output(context, first)
        return layer.output(layer.intermediate(attended), attended)  # type: ignore[no-any-return]

    return _Parts(attention.query, attention.key, attention.value, attention.num_attention_heads, rest)


def _mpnet(layer: Any) -> _Parts:
    attention = layer.attention.attn

    def rest(context: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        attended = layer.attention.LayerNorm(attention.o(context) + first)
        return layer.output(layer.intermediate(attended), attended)  # type: ignore[no-any-return]

    return _Parts(attention.q, attention.k, attention.v, attention.num_attention_heads, rest)


def _distilbert(layer: Any) -> _Parts:
    attention = layer.attention

    def rest(context: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        attended = layer.sa_layer_norm(attention.out_lin(context) + first)
        return layer.output_layer_norm(layer.ffn(attended) + attended)  # type: ignore[no-any-return]

    return _Parts(attention.q_lin, attention.k_lin, attention.v_lin, attention.n_heads, rest)


_LAYOUTS: dict[str, Callable[[Any], _Parts]] = {
    "bert": _bert,
    "camembert": _bert,
    "distilbert": _distilbert,
    "electra": _bert,
    "mpnet": _mpnet,
    "roberta": _bert,
    "xlm-roberta": _bert,
}


def encoder_layers(model: Any) -> Any | None:
    """Return the ``ModuleList`` of a known architecture's layers; None for any other."""
    if model.config.model_type not in _LAYOUTS:
        return None
    encoder = getattr(model, "transformer", None) or getattr(model, "encoder", None)
    return getattr(encoder, "layer", None)


def first_token_layer(model: Any) -> Any:
    """Return a module that takes the place of the last layer of `model` and computes its first token alone.

    Its output has the shape (n_texts, 1, hidden_size). Only for models of a known architecture.
    """
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    layers = encoder_layers(model)
    assert layers is not None
    layer = layers[-1]
    parts = _LAYOUTS[model.config.model_type](layer)
    has_bias = returns_tuple = model.config.model_type == "mpnet"

    class FirstTokenLayer(torch.nn.Module):
        def forward(
            self, hidden: torch.Tensor, mask: torch.Tensor | None = None, *args: Any, **kwargs: Any
        ) -> torch.Tensor | tuple[torch.Tensor]:
            mask = kwargs.get("attention_mask", mask)
            bias = kwargs.get("position_bias", args[0] if has_bias and args else None)
            first = hidden[:, :1]
            query = _split(parts.query(first), parts.n_heads)
            key, value = (_split(linear(hidden), parts.n_heads) for linear in (parts.key, parts.value))
            context = scaled_dot_product_attention(query, key, value, attn_mask=_first_rows(mask, bias))
            state: torch.Tensor = parts.rest(context.transpose(1, 2).flatten(2), first)
            return (state,) if returns_tuple else state

    return FirstTokenLayer()


def _split(states: torch.Tensor, n_heads: int) -> torch.Tensor:
    """Shape (n_texts, n_tokens, hidden_size) to (n_texts, n_heads, n_tokens, head_size)."""
    return states.view(*states.shape[:2], n_heads, -1).transpose(1, 2)


def _first_rows(mask: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor | None:
    """Row of the first query in the attention mask and the position bias, added up where both are there."""
    rows = [tensor[:, :, :1] for tensor in (mask, bias) if tensor is not None]
    if not rows:
        return None
    return rows[0] if len(rows) == 1 else rows[0] + rows[1]
