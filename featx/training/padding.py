"""Padding of decoders, whose classification head reads the last token that is no padding.

May import ``errors``, ``settings`` and the token side of ``features``.
"""

from __future__ import annotations

from typing import Any

from featx.errors import CheckpointError
from featx.features.configuration import is_decoder_kind
from featx.features.tokens import Tokenizer, load_tokenizer
from featx.settings import Checkpoint


def tokenizer_for_training(checkpoint: Checkpoint, config: Any, max_length: int | None) -> Tokenizer:
    """Return the tokenizer of `checkpoint` with padding that `config` and the head know, see `settle_padding`."""
    tokenizer = load_tokenizer(checkpoint, config, max_length)
    settle_padding(config, tokenizer)
    return tokenizer


def settle_padding(config: Any, tokenizer: Tokenizer) -> None:
    """Give a decoder and its tokenizer one padding token; other kinds stay as they are.

    The head of Transformers takes the rightmost token that is not ``config.pad_token_id``, and refuses batches without
    one. Where the tokenizer has none that the model knows, its end of text serves, as usual; whatever it is, a batch
    padded on the right gives a text the logits that it has alone, since a causal mask hides what comes after.

    Parameters
    ----------
    config : PretrainedConfig
        Its ``pad_token_id`` is set.
    tokenizer : Tokenizer
        Its padding token is set, as it is saved; `load_tokenizer` has set its side.

    Raises
    ------
    CheckpointError
        If the tokenizer has no special token at all.
    """
    if not is_decoder_kind(config):
        return
    hf = tokenizer.hf
    special = (hf.pad_token_id, hf.eos_token_id, hf.bos_token_id, hf.unk_token_id)
    n_ids = float("inf") if tokenizer.n_ids is None else tokenizer.n_ids
    pad_id = next((token for token in special if token is not None and token < n_ids), None)
    if pad_id is None:
        raise CheckpointError(
            f"checkpoint {tokenizer.name!r} ({config.model_type}): its tokenizer has no token for padding, nor one for "
            "the end of a text that could serve; set its pad_token and save it again"
        )
    if hf.pad_token_id != pad_id:
        hf.pad_token = hf.convert_ids_to_tokens(pad_id)
    config.pad_token_id = pad_id
