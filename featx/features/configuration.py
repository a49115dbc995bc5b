"""Configuration of a checkpoint: checked, and without what only the way of computing hangs on.

May import ``errors``, ``settings`` and the checkpoint side of ``features``.
"""

from __future__ import annotations

from typing import Any

from featx.errors import CheckpointError
from featx.features.checkpoint import loading
from featx.settings import Checkpoint

#: What the model returns, and how, is asked for by featx and never by a file.
_OURS = {"return_dict": True, "output_hidden_states": False, "output_attentions": False}
_SIZES = ("hidden_size", "num_hidden_layers")


def load_config(checkpoint: Checkpoint) -> Any:
    """Load the configuration of `checkpoint`, after a check that it is a model of texts.

    Raises
    ------
    CheckpointError
        If it cannot be loaded, its sizes are none, or its model does not fit.
    """
    from transformers import AutoConfig

    config: Any = loading(checkpoint, AutoConfig.from_pretrained)
    for size in _SIZES:
        given = getattr(config, size, None)
        if given is None or isinstance(given, list | tuple):
            raise CheckpointError(
                f"checkpoint {checkpoint.name!r} ({config.model_type}) is no single text encoder; choose one such as "
                "distilbert-base-uncased"
            )
        if not isinstance(given, int) or given < 1:
            raise CheckpointError(
                f"checkpoint {checkpoint.name!r}: its configuration says {size} {given!r}; expected a whole number "
                "from 1 up"
            )
    settle(config, checkpoint.name)
    return config


def check_is_encoder(config: Any, name: str) -> None:
    """Check that the configuration says nothing of a causal mask, under which the first token reads itself alone.

    Raises
    ------
    CheckpointError
    """
    if is_causal(config):
        raise CheckpointError(causal_message(config.model_type, name))


def causal_message(kind: str, name: str) -> str:
    """Return the message for a model whose first token has not read the text."""
    return (
        f"checkpoint {name!r} ({kind}) is no encoder, so its first token has not read the text; use `pooling` last or "
        "mean, or choose an encoder such as distilbert-base-uncased"
    )


def is_encoder_decoder(config: Any) -> bool:
    """Return whether it is a kind of model with encoder and decoder, also where the encoder alone was saved."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

    return bool(config.is_encoder_decoder) or config.model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES


def is_causal(config: Any) -> bool:
    """Return whether the configuration alone says that tokens read only those before them.

    Where it says nothing, trying decides, see `featx.features.trial`.
    """
    both_ways = (
        bool(getattr(config, "use_bidirectional_attention", False))
        or getattr(config, "is_causal", True) is False
        or getattr(config, "attn_type", None) == "bi"  # XLNet
    )
    return (is_decoder_kind(config) and not both_ways) or bool(getattr(config, "is_decoder", False))


def is_decoder_kind(config: Any) -> bool:
    """Return whether it is a kind of decoder without an encoder (GPT-2, Llama), whichever way this one looks.

    Transformers' classification heads for these read the last token; those for all others read the first.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    kind = config.model_type
    only_causal = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return only_causal and not is_encoder_decoder(config)


def settle(config: Any, name: str) -> None:
    """Set in `config` what is featx's to choose, and refuse what would change features without being seen.

    Raises
    ------
    CheckpointError
        For quantised weights, and for weights in files that the configuration names elsewhere.
    """
    if getattr(config, "quantization_config", None):
        raise CheckpointError(
            f"checkpoint {name!r}: its weights are quantised (quantization_config), and featx computes with them as "
            "they are; give the checkpoint that they were made from, or save it dequantised"
        )
    if "/" in str(getattr(config, "transformers_weights", None) or "").replace("\\", "/"):
        raise CheckpointError(
            f"checkpoint {name!r}: config.json names weights in another folder ({config.transformers_weights}); put "
            "them beside it as model.safetensors"
        )
    config._attn_implementation = None  # the library's choice for this model, never a kernel that a file names
    for field, value in _OURS.items():
        setattr(config, field, value)
    if getattr(config, "fusion_config", None) is not None:
        config.fusion_config = None
    if getattr(config, "attention_type", None) == "block_sparse":
        # BigBird leaves block-sparse attention for good after the first short batch; full attention is the same always.
        config.attention_type = "original_full"
