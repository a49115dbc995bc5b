"""An encoder on a device: batches of token ids become pooled vectors of the layers asked for."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import CheckpointError, FeatxWarning, SettingsError
from featx.features import aligned_attention, packed
from featx.features.batches import TokenIds
from featx.features.budget import usual_batch_tokens
from featx.features.configuration import causal_message, is_causal, is_encoder_decoder, load_config
from featx.features.device import find_device, torch_dtype
from featx.features.forward import PooledForward
from featx.features.memory import is_out_of_memory
from featx.features.native_types import tell_if_slow, with_type
from featx.features.resolving import resolve_features
from featx.features.spec import FeatureSpec
from featx.features.stated import stated_by
from featx.features.token_types import model_inputs, takes_types
from featx.features.tokens import Tokenizer, load_tokenizer
from featx.features.trial import Trial, try_out
from featx.features.weights import load_weights
from featx.settings import Checkpoint, ComputeSettings, Dtype, FeatureSettings, Pooling

if TYPE_CHECKING:
    import torch

#: On CUDA lengths are rounded up to a multiple of this: shapes repeat, and memory blocks with them.
_CUDA_LENGTH_STEP = 8
#: Kinds of models whose vectors in version 0.1 hung on the padding of their batch, on what came before, or on what else
#: was asked for: what it stored of them is not read.
_COMPUTED_OTHERWISE = frozenset(
    {"big_bird", "canine", "clip_text_model", "convbert", "fnet", "funnel", "nystromformer", "yoso"}
)


@dataclass(frozen=True)
class Launched:
    """A batch that is being encoded: host memory for its vectors, and the event after which they are there."""

    vectors: list[torch.Tensor]
    done: Any

    def wait(self) -> list[NDArray[np.float32]]:
        """Vectors of each kind, once they are there."""
        if self.done is not None:
            self.done.synchronize()
        return [vector.numpy() for vector in self.vectors]


class Encoder:
    """An encoder and its tokenizer; the weights are loaded when the first text needs them.

    Parameters
    ----------
    load_model : callable
        Without arguments to a PreTrainedModel, which takes ``input_ids`` and ``attention_mask`` and gives
        ``last_hidden_state`` and ``hidden_states``; called at most once.
    config : PretrainedConfig
        Of that model.
    tokenizer : Tokenizer
    device : torch.device
    dtype : torch.dtype
        Type of the computation.
    batch_tokens : int, optional
        Tokens of a batch, padding included; by device, type and width when None.
    """

    def __init__(
        self,
        load_model: Callable[[], Any],
        config: Any,
        tokenizer: Tokenizer,
        device: torch.device,
        dtype: torch.dtype,
        batch_tokens: int | None = None,
    ) -> None:
        if batch_tokens is not None and batch_tokens < 1:
            raise SettingsError(f"`batch_tokens` is {batch_tokens}; expected 1 or more", "batch_tokens")
        self._load_model = load_model
        self._model: Any = None
        self._trial: Trial | None = None
        self.config = config
        self.dtype = dtype
        self.tokenizer = tokenizer
        self.device = device
        self.batch_tokens = batch_tokens or usual_batch_tokens(device, dtype, int(config.hidden_size))
        self._forwards: dict[tuple[tuple[int, Pooling], ...], PooledForward] = {}

    @property
    def model(self) -> Any:
        """The model on its device, ready to compute."""
        if self._model is None:
            tell_if_slow(own_dtype(self), self.device, self.hidden_size)
            model = self._tried(self._load_model().eval()).to(device=self.device, dtype=self.dtype)
            assert self._trial is not None
            if self._trial.padding_matters:
                warnings.warn(
                    f"checkpoint {self.tokenizer.name!r} ({self.config.model_type}) computes another vector for a text "
                    "that is padded; texts of one length make a batch, which takes longer",
                    FeatxWarning,
                    stacklevel=2,
                )
            speed_up(model, self.device, self.dtype, self.batch_tokens)
            self._model = model
        return self._model

    def _tried(self, model: Any) -> Any:
        """Try `model` on the device in the type of its weights, where rounding hides nothing, if memory allows."""
        try:
            model = model.to(self.device)
            self._trial = try_out(model, self.tokenizer)
        except Exception as e:
            if not is_out_of_memory(e) or self.device.type == "cpu":
                raise
        if self._trial is None:
            model = model.to(device="cpu", dtype=self.dtype).to(self.device)
            self._trial = try_out(model, self.tokenizer)
        return model

    @property
    def trial(self) -> Trial:
        """What trying the model found; loads it."""
        self.model  # noqa: B018 (the property loads)
        assert self._trial is not None
        return self._trial

    def load(self) -> float:
        """Load the weights if they are not; the seconds that it took.

        Raises
        ------
        CheckpointError
            If they cannot be loaded.
        """
        started = time.perf_counter()
        self.model  # noqa: B018 (the property loads)
        return time.perf_counter() - started

    @property
    def hidden_size(self) -> int:
        """Width of a vector."""
        return int(self.config.hidden_size)

    @property
    def n_layers(self) -> int:
        """Number of layers; layer 0 is the embeddings and `n_layers` the last."""
        return int(self.config.num_hidden_layers)

    def encode(self, ids: Sequence[TokenIds], kinds: Sequence[tuple[int, Pooling]]) -> list[NDArray[np.float32]]:
        """Vectors of one batch of texts.

        Parameters
        ----------
        ids : sequence of int arrays or sequences
            Token ids of each text, unpadded.
        kinds : sequence of (layer, pooling)
            What is wanted, layers from 0 to `n_layers`.

        Returns
        -------
        list of ndarray of shape (n_texts, hidden_size), float32
            One for each of `kinds`, all from one forward pass.
        """
        return self.start(ids, kinds).wait()

    def start(self, ids: Sequence[TokenIds], kinds: Sequence[tuple[int, Pooling]]) -> Launched:
        """Begin to encode one batch; on CUDA it returns before the batch is done, so that the next can be prepared."""
        import torch

        forward = self._forward(tuple(kinds))
        with torch.inference_mode():
            vectors = (self._by_length if self.trial.padding_matters else self._padded)(forward, ids)
            if self.device.type != "cuda":
                return Launched([vector.cpu() for vector in vectors], None)
            pinned = [torch.empty(v.shape, dtype=v.dtype, pin_memory=True) for v in vectors]
            for host, vector in zip(pinned, vectors, strict=True):
                host.copy_(vector, non_blocking=True)
            event: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
            return Launched(pinned, event)

    def _padded(self, forward: PooledForward, ids: Sequence[TokenIds]) -> list[torch.Tensor]:
        import torch

        # Where the limit is no multiple, rounding up could leave the position embeddings.
        rounds = (
            self.device.type == "cuda"
            and self.tokenizer.max_length % _CUDA_LENGTH_STEP == 0
            and not self.trial.padding_matters
        )
        types = self.tokenizer.token_types if takes_types(self.model) else None
        arrays = model_inputs(ids, self.tokenizer.pad_id, types, _CUDA_LENGTH_STEP if rounds else 1)
        return forward({name: self._on_device(torch.from_numpy(array)) for name, array in arrays.items()})

    def _by_length(self, forward: PooledForward, ids: Sequence[TokenIds]) -> list[torch.Tensor]:
        """Encode texts of one length at a time, so that none is padded."""
        import torch

        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        groups = [np.flatnonzero(lengths == length) for length in np.unique(lengths)]
        parts = [self._padded(forward, [ids[row] for row in group.tolist()]) for group in groups]
        order = torch.from_numpy(np.argsort(np.concatenate(groups))).to(self.device)
        return [torch.cat(vectors)[order] for vectors in zip(*parts, strict=True)]

    def _on_device(self, tensor: torch.Tensor) -> torch.Tensor:
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def _forward(self, kinds: tuple[tuple[int, Pooling], ...]) -> PooledForward:
        if kinds not in self._forwards:
            takes_cls = any(pooling is Pooling.CLS and layer > 0 for layer, pooling in kinds)
            if takes_cls and not self.trial.cls_reads_text:
                raise CheckpointError(causal_message(self.config.model_type, self.tokenizer.name))
            self._forwards[kinds] = PooledForward(self.model, kinds, self.tokenizer.cls_place or 0)
        return self._forwards[kinds]


def speed_up(model: Any, device: torch.device, dtype: torch.dtype, batch_tokens: int) -> None:
    """Give `model` what computes the same in less time on this device; it cannot be trained or saved afterwards."""
    import torch

    if not packed.is_worthwhile(device, dtype) or not packed.pack(model, batch_tokens):
        return
    # In float32 the products take so much of the time that copying costs what the attention saves.
    if dtype == torch.bfloat16 and model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(aligned_attention.register())


def load_encoder(checkpoint: Checkpoint, features: FeatureSettings, compute: ComputeSettings) -> Encoder:
    """Load the tokenizer of `checkpoint`, and its encoder when the first text needs it.

    Raises
    ------
    CheckpointError
        If it cannot be loaded or is no encoder.
    SettingsError
        If device, type, maximum length or layers do not fit.
    """
    device = find_device(compute.device)
    dtype = torch_dtype(with_type(features, compute).dtype, device)
    config = load_config(checkpoint)
    features = resolve_features(checkpoint, features, config)
    tokenizer = load_tokenizer(checkpoint, config, features.max_length, features.prompt or "")
    resolve_layers(features.layer, int(config.num_hidden_layers))
    if Pooling.CLS in features.pooling:
        _check_cls(config, tokenizer)
    return Encoder(lambda: _load_model(checkpoint, config), config, tokenizer, device, dtype, compute.batch_tokens)


def _check_cls(config: Any, tokenizer: Tokenizer) -> None:
    """Check that the token that `Pooling.CLS` takes has read the text, and say where it is no special token."""
    if tokenizer.cls_place is not None and tokenizer.cls_place < 0:  # the last of all has read it under any mask
        return
    if is_causal(config):
        raise CheckpointError(causal_message(config.model_type, tokenizer.name))
    if tokenizer.cls_place is not None:
        return
    problem = f"the tokenizer of {tokenizer.name!r} adds no special token such as [CLS] before a text"
    if is_encoder_decoder(config):
        raise CheckpointError(
            f"checkpoint {tokenizer.name!r} ({config.model_type}) is no encoder with a first token for the text: "
            f"{problem}; use `pooling` mean"
        )
    warnings.warn(
        f"{problem}, so `pooling` cls takes the text's own first token; mean may serve better",
        FeatxWarning,
        stacklevel=3,
    )


def _load_model(checkpoint: Checkpoint, config: Any) -> Any:
    """Load the encoder or decoder; of an encoder-decoder its encoder alone."""
    from transformers import AutoModel, AutoModelForTextEncoding
    from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES

    if not is_encoder_decoder(config):
        model = load_weights(checkpoint, AutoModel, config)
        model.config.use_cache = False  # keys and values are for writing on, which nothing here does
        return model
    if config.model_type in MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES:  # also where no decoder was saved
        return load_weights(checkpoint, AutoModelForTextEncoding, config)
    return load_weights(checkpoint, AutoModel, config).get_encoder()


def resolve_layers(layers: Sequence[int] | None, n_layers: int) -> tuple[int, ...]:
    """Layers counted from 0 (embeddings) to `n_layers`, each once, in the order asked for; None is all.

    Raises
    ------
    SettingsError
        If a layer is out of range.

    Examples
    --------
    >>> resolve_layers((-1, 0), n_layers=6)
    (6, 0)
    """
    if layers is None:
        return tuple(range(n_layers + 1))
    for layer in layers:
        if not -n_layers - 1 <= layer <= n_layers:
            raise SettingsError(
                f"`layer` is {layer}; this checkpoint has 0 (embeddings) to {n_layers} (last), "
                f"or -1 (last) to {-n_layers - 1}",
                "layer",
            )
    return tuple(dict.fromkeys(layer % (n_layers + 1) for layer in layers))


def own_dtype(encoder: Encoder) -> Dtype:
    """Return the type in which `encoder` computes."""
    return Dtype(str(encoder.dtype).removeprefix("torch."))


def feature_specs(encoder: Encoder, checkpoint: Checkpoint, features: FeatureSettings) -> list[FeatureSpec]:
    """Return one spec for each `long`, layer and pooling asked for, in this order from the outermost."""
    features = resolve_features(checkpoint, features, encoder.config)
    if features.dtype is Dtype.AUTO:
        features = replace(features, dtype=own_dtype(encoder))
    return _specs(encoder.config, encoder.tokenizer, checkpoint, features)


def planned_specs(checkpoint: Checkpoint, features: FeatureSettings) -> list[FeatureSpec]:
    """Return `feature_specs` of an encoder that is not loaded, from its configuration and tokenizer.

    Raises
    ------
    CheckpointError
        If these cannot be loaded.
    SettingsError
        If maximum length or layers do not fit.
    """
    config = load_config(checkpoint)
    features = resolve_features(checkpoint, features, config)
    return _specs(config, load_tokenizer(checkpoint, config, features.max_length), checkpoint, features)


def _specs(config: Any, tokenizer: Tokenizer, checkpoint: Checkpoint, features: FeatureSettings) -> list[FeatureSpec]:
    return [
        FeatureSpec(
            checkpoint=_computed_as_now(checkpoint, config.model_type, tokenizer, pooling),
            tokenizer=checkpoint.tokenizer_digest,
            max_length=tokenizer.max_length,
            layer=layer,
            pooling=pooling,
            dtype=Dtype(features.dtype),
            prompt=features.prompt or "",
            long=long,
        )
        for long in features.long
        for layer in resolve_layers(features.layer, int(config.num_hidden_layers))
        for pooling in dict.fromkeys(features.pooling)
    ]


def _computed_as_now(checkpoint: Checkpoint, kind: str, tokenizer: Tokenizer, pooling: Pooling) -> str:
    """Return the digest that names features: another one where version 0.1 stored other vectors under the plain one."""
    types = tokenizer.token_types
    differs = {
        "by length": kind in _COMPUTED_OTHERWISE,
        "with token types": types is not None and types.count_for(kind),
        "cls where it stands": pooling is Pooling.CLS and bool(tokenizer.cls_place),
        # In a folder the file that asks for it is part of the tokenizer's digest.
        "lower-cased": checkpoint.revision is not None and stated_by(checkpoint).lower_case,
    }
    now = [what for what, does in differs.items() if does]
    return sha256(" ".join([checkpoint.digest, *now]).encode()).hexdigest() if now else checkpoint.digest
