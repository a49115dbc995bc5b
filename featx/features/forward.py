"""One forward pass, pooled layer by layer.

In the known architectures each layer is pooled on the device as soon as it is computed, so that no two layers' hidden
states are held at once, and the last layer is computed for the first token alone where nothing else is wanted.
Other architectures return all hidden states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from featx.errors import CheckpointError
from featx.features.aligned_attention import NAME as ALIGNED
from featx.features.first_token import encoder_layers, first_token_layer
from featx.features.pooling import pool
from featx.settings import Pooling

if TYPE_CHECKING:
    import torch


class PooledForward:
    """Callable from token ids and mask to the pooled vectors of the layers asked for.

    Parameters
    ----------
    model : PreTrainedModel
    kinds : sequence of (layer, pooling)
        Layers from 0 (embeddings) to n (last).
    """

    def __init__(self, model: Any, kinds: Sequence[tuple[int, Pooling]]) -> None:
        self._model = model
        self._kinds = list(kinds)
        self._layers = encoder_layers(model)
        wanted_of_last = {pooling for layer, pooling in self._kinds if layer == model.config.num_hidden_layers}
        self._last: Any = None
        if self._layers is not None and wanted_of_last <= {Pooling.CLS} and _has_4d_mask(model):
            self._last = first_token_layer(model)

    def __call__(self, input_ids: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        """Vectors of each kind, each of shape (n_texts, hidden_size), float32, on the model's device."""
        if self._layers is None:
            return self._plain(input_ids, mask)
        found: dict[tuple[int, Pooling], torch.Tensor] = {}
        with ExitStack() as stack:
            if self._last is not None:
                stack.enter_context(_replaced(self._layers, self._last))
            for index, layer in enumerate(self._layers):
                stack.enter_context(self._pooled_input(layer, index, mask, found))
            output = self._model(input_ids=input_ids, attention_mask=mask)
        self._keep(len(self._layers), output.last_hidden_state, mask, found)
        return [found[kind] for kind in self._kinds]

    def _plain(self, input_ids: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        last = self._model.config.num_hidden_layers
        only_last = all(layer == last for layer, _ in self._kinds)
        output = self._model(input_ids=input_ids, attention_mask=mask, output_hidden_states=not only_last)
        states = {} if only_last else dict(enumerate(output.hidden_states))
        if not only_last and len(states) != last + 1:
            raise CheckpointError(self._without_layers(f"gives {len(states)} hidden states"))
        # Some models normalise once more after the last layer: the last layer is what the model itself returns.
        states[last] = output.last_hidden_state
        for layer, _ in self._kinds:
            if states[layer].shape[:2] != input_ids.shape:
                n_tokens = states[layer].shape[1]
                problem = f"gives {n_tokens} hidden states for {input_ids.shape[1]} tokens in layer {layer}"
                raise CheckpointError(self._without_layers(problem))
        return [pool(states[layer], mask, pooling) for layer, pooling in self._kinds]

    def _without_layers(self, problem: str) -> str:
        config = self._model.config
        return (
            f"a model of type {config.model_type} with {config.num_hidden_layers} layers {problem}, so that they "
            "cannot be told apart by layer and token; take `layer` -1 alone, or choose another checkpoint"
        )

    @contextmanager
    def _pooled_input(
        self, layer: Any, index: int, mask: torch.Tensor, found: dict[tuple[int, Pooling], torch.Tensor]
    ) -> Iterator[None]:
        """Pool what goes into `layer`: the hidden states numbered `index`."""
        if not any(wanted == index for wanted, _ in self._kinds):
            yield
            return

        def keep(module: Any, arguments: tuple[Any, ...], settings: dict[str, Any]) -> None:
            hidden = arguments[0] if arguments else settings["hidden_states"]
            self._keep(index, hidden, mask, found)

        handle = layer.register_forward_pre_hook(keep, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def _keep(
        self, index: int, hidden: torch.Tensor, mask: torch.Tensor, found: dict[tuple[int, Pooling], torch.Tensor]
    ) -> None:
        for layer, pooling in self._kinds:
            if layer == index:
                found[layer, pooling] = pool(hidden, mask, pooling)


def _has_4d_mask(model: Any) -> bool:
    """Flash attention takes its mask in another shape; there the last layer stays whole."""
    return getattr(model.config, "_attn_implementation", None) in ("eager", "sdpa", ALIGNED)


@contextmanager
def _replaced(layers: Any, last: Any) -> Iterator[None]:
    """Return `layers` with another last one."""
    original = layers[-1]
    layers[-1] = last
    try:
        yield
    finally:
        layers[-1] = original
