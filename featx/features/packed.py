"""Linear layers of an encoder, their weights laid out ahead of time for the processor's matrix units.

Plain `torch.nn.Linear` lets oneDNN or MKL rearrange a weight matrix for each product anew, and GELU is a pass of its
own over the largest array of a layer. Here the weights are rearranged once, and GELU is computed while the product is
still in the cache. The operators are those that torch's own compiler uses; they are no part of its public interface,
so that what they give is compared with plain layers before they are used. Computes what plain layers compute; only
the order of summation differs. For the architectures of `first_token`, on processors on which it was measured.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from featx.features.first_token import encoder_layers

if TYPE_CHECKING:
    import torch

#: Largest relative difference to a plain layer at which the packed one is trusted, by bits of the type.
_TOLERANCE = {32: 1e-5, 16: 3e-2}


def is_worthwhile(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether packed layers were measured to be faster: x86 with AVX-512, and in bfloat16 with its products."""
    import torch

    if device.type != "cpu" or not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and has_bfloat16_products())


def has_matrix_tiles() -> bool:
    """Return whether the processor multiplies bfloat16 by tiles (AMX)."""
    return _has("_is_amx_tile_supported")


def has_bfloat16_products() -> bool:
    """Return whether the processor has instructions for products of bfloat16 (avx512_bf16)."""
    return _has("_is_avx512_bf16_supported")


def _has(feature: str) -> bool:
    """Return what torch says of the processor; False in versions that do not say it."""
    import torch

    ask = getattr(torch.cpu, feature, None)
    return bool(ask and ask())


def pack(model: Any, batch_tokens: int) -> bool:
    """Put packed layers in the place of the linear ones in every layer of `model`.

    Parameters
    ----------
    model : PreTrainedModel
        In evaluation, on the CPU, in the type of the computation; its weights cannot be saved or trained afterwards.
    batch_tokens : int
        Tokens of a usual batch, for which the layout is chosen.

    Returns
    -------
    bool
        Whether it was done; otherwise the model is as it was.
    """
    import torch

    layers = encoder_layers(model)
    if layers is None or not len(layers):
        return False
    with torch.inference_mode():
        if not _agrees(*_feed_forward(layers[0])[:2], batch_tokens):
            return False
        for layer in layers:
            _pack_layer(layer, batch_tokens)
    return True


def _pack_layer(layer: Any, batch_tokens: int) -> None:
    import torch

    owner, name, activation = _feed_forward(layer)
    if _is_gelu(getattr(owner, activation)):
        setattr(owner, name, _packed(getattr(owner, name), batch_tokens, "gelu"))
        setattr(owner, activation, torch.nn.Identity())
    for part in list(layer.modules()):
        for child, linear in list(part.named_children()):
            if type(linear) is torch.nn.Linear:
                setattr(part, child, _packed(linear, batch_tokens))


def _feed_forward(layer: Any) -> tuple[Any, str, str]:
    """Module that holds the first linear layer of the feed-forward part, its name there, and the activation's."""
    if hasattr(layer, "ffn"):
        return layer.ffn, "lin1", "activation"
    return layer.intermediate, "dense", "intermediate_act_fn"


def _is_gelu(activation: Any) -> bool:
    """Return whether it is GELU by the error function, not one of its approximations."""
    from transformers.activations import GELUActivation

    return type(activation) is GELUActivation


def _packed(linear: Any, batch_tokens: int, activation: str = "none") -> Any:
    return _packed_class()(linear, batch_tokens, activation)


@cache
def _packed_class() -> type[Any]:
    import torch

    class PackedLinear(torch.nn.Module):
        """A linear layer and, where it is "gelu", the activation after it."""

        def __init__(self, linear: torch.nn.Linear, batch_tokens: int, activation: str) -> None:
            super().__init__()
            self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.data, batch_tokens)
            self._bias = None if linear.bias is None else linear.bias.data
            self._activation = activation

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
                x, self._weight, self._bias, self._activation, [], "none" if self._activation == "gelu" else ""
            )
            return made

    return PackedLinear


def _agrees(owner: Any, name: str, batch_tokens: int) -> bool:
    """Return whether the operators exist in this torch and give what plain layers give."""
    import torch

    linear = getattr(owner, name)
    if type(linear) is not torch.nn.Linear:
        return False
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(3, 5, linear.in_features, generator=chance).to(linear.weight.dtype)
    wanted = linear(x)
    tolerance = _TOLERANCE[torch.finfo(x.dtype).bits]
    for activation, expected in (("none", wanted), ("gelu", torch.nn.functional.gelu(wanted))):
        try:
            made = _packed(linear, batch_tokens, activation)(x)
        except (AttributeError, NotImplementedError, RuntimeError, TypeError):
            return False
        distance = torch.linalg.vector_norm((made - expected).float())
        if not distance <= tolerance * torch.linalg.vector_norm(expected.float()):
            return False
    return True
