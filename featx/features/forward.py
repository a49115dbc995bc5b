"""One forward pass, pooled layer by layer.

In the known architectures each layer is pooled on the device as soon as it is computed, so that no two layers' hidden
states are held at once, and the last layer is computed for the first token alone where nothing else is wanted.
Other architectures return all hidden states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    cls_place : int
        Where [CLS] stands, see `pool`.
    """

    def __init__(self, model: Any, kinds: Sequence[tuple[int, Pooling]], cls_place: int = 0) -> None:
        self._model = model
        self._kinds = list(kinds)
        self._cls_place = cls_place
        self._layers = encoder_layers(model)
        wanted_of_last = {pooling for layer, pooling in self._kinds if layer == model.config.num_hidden_layers}
        self._last: Any = None
        if self._layers is not None and wanted_of_last <= {Pooling.CLS} and cls_place == 0 and _has_4d_mask(model):
            self._last = first_token_layer(model)

    def __call__(self, inputs: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        """Return vectors of each kind, each of shape (n_texts, hidden_size), float32, on the model's device.

        `inputs` are what the model is called with by name, ``input_ids`` and ``attention_mask`` among them.
        """
        if self._layers is None:
            return self._plain(inputs)
        mask = inputs["attention_mask"]
        found: dict[tuple[int, Pooling], torch.Tensor] = {}
        with ExitStack() as stack:
            if self._last is not None:
                stack.enter_context(_replaced(self._layers, self._last))
            for index, layer in enumerate(self._layers):
                stack.enter_context(self._pooled_input(layer, index, mask, found))
            output = self._model(**inputs)
        self._keep(len(self._layers), output.last_hidden_state, mask, found)
        return [found[kind] for kind in self._kinds]

    def _plain(self, inputs: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        mask = inputs["attention_mask"]
        last = self._model.config.num_hidden_layers
        only_last = all(layer == last for layer, _ in self._kinds)
        output = self._model(**inputs, output_hidden_states=not only_last)
        states = {} if only_last else dict(enumerate(output.hidden_states))
        if not only_last and len(states) != last + 1:
            raise CheckpointError(self._without_layers(f"gives {len(states)} hidden states"))
        # Some models normalise once more after the last layer: the last layer is what the model itself returns.
        states[last] = output.last_hidden_state
        for layer, _ in self._kinds:
            if states[layer].shape[:2] != mask.shape:
                n_tokens = states[layer].shape[1]
                problem = f"gives {n_tokens} hidden states for {mask.shape[1]} tokens in layer {layer}"
                raise CheckpointError(self._without_layers(problem))
        return [pool(states[layer], mask, pooling, self._cls_place) for layer, pooling in self._kinds]

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
                found[layer, pooling] = pool(hidden, mask, pooling, self._cls_place)


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
