"""Texts become token ids: one tokenizer and one length limit for extraction and fine-tuning alike."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from featx.errors import CheckpointError, SettingsError
from featx.features.checkpoint import loading
from featx.settings import Checkpoint

#: The limit where neither tokenizer nor configuration states one.
_FALLBACK_LIMIT = 512
#: A tokenizer that knows no limit says 1e30.
_NO_LIMIT = 1_000_000
#: Architectures whose positions start behind the padding id.
_OFFSET_TYPES = frozenset(
    {"camembert", "data2vec-text", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta",
     "xlm-roberta-xl", "xmod"}
)  # fmt: skip


@dataclass(frozen=True)
class TokenizedTexts:
    """Token ids of texts, unpadded, in the order of the texts; four bytes a token.

    Attributes
    ----------
    flat : ndarray of shape (n_tokens,), int32
        Ids of all texts, one after the other.
    offsets : ndarray of shape (n_texts + 1,), int64
        Where each text begins in `flat`, and where the last one ends.
    n_truncated : int
        Texts that were longer than the limit.
    """

    flat: NDArray[np.int32]
    offsets: NDArray[np.int64]
    n_truncated: int

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text after cutting, special ones included; shape (n_texts,), int64."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self.flat[self.offsets[row] : self.offsets[row + 1]]


class Tokenizer:
    """A Transformers tokenizer together with the length at which it cuts.

    Attributes
    ----------
    hf : PreTrainedTokenizerBase
        The tokenizer itself.
    max_length : int
        Tokens at which a text is cut, special ones included.
    """

    def __init__(self, hf: Any, max_length: int) -> None:
        self.hf = hf
        self.max_length = max_length

    @property
    def pad_id(self) -> int:
        """Id that fills up short texts; any will do where there is none, since it is masked."""
        return int(self.hf.pad_token_id or 0)

    def __call__(self, texts: Sequence[str]) -> TokenizedTexts:
        """Token ids of `texts`, each cut at `max_length`."""
        encoded = self.hf(
            list(texts),
            truncation=True,
            max_length=self.max_length,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        ids = cast("list[list[int]]", encoded["input_ids"])
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        full = np.flatnonzero(lengths >= self.max_length)
        if encoded.is_fast:
            cut = sum(bool(encoded.encodings[row].overflowing) for row in full)
        else:
            cut = sum(len(self.hf(texts[int(row)])["input_ids"]) > self.max_length for row in full)
        flat = np.fromiter(itertools.chain.from_iterable(ids), np.int32, int(lengths.sum()))
        return TokenizedTexts(flat, np.concatenate([[0], np.cumsum(lengths)]), cut)


def load_config(checkpoint: Checkpoint) -> Any:
    """Configuration of `checkpoint`, after a check that it is an encoder.

    Raises
    ------
    CheckpointError
        If it cannot be loaded, or its model is a decoder or an encoder-decoder.
    """
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    config: Any = loading(checkpoint, AutoConfig.from_pretrained)
    kind = config.model_type
    if not isinstance(getattr(config, "num_hidden_layers", None), int):
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} ({kind}) is no single text encoder; choose one such as "
            "distilbert-base-uncased"
        )
    decoder_only = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if config.is_encoder_decoder or decoder_only or getattr(config, "is_decoder", False):
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} ({kind}) is no encoder, so its first token has not read the text; "
            "choose an encoder such as distilbert-base-uncased"
        )
    return config


def load_tokenizer(checkpoint: Checkpoint, config: Any, max_length: int | None = None) -> Tokenizer:
    """Tokenizer of `checkpoint` that cuts at `max_length` tokens, or at the checkpoint's own limit.

    Raises
    ------
    CheckpointError
        If the tokenizer cannot be loaded.
    SettingsError
        If `max_length` leaves no room for a token of text or exceeds the checkpoint's limit.
    """
    from transformers import AutoTokenizer

    hf: Any = loading(checkpoint, AutoTokenizer.from_pretrained)
    hf.padding_side = hf.truncation_side = "right"
    limit = token_limit(hf, config)
    if max_length is None:
        return Tokenizer(hf, limit)
    special = hf.num_special_tokens_to_add()
    if not special < max_length <= limit:
        raise SettingsError(
            f"--max-length is {max_length}; expected {special + 1} ({special} special tokens and one of text) "
            f"to {limit}, the limit of {checkpoint.name!r}"
        )
    return Tokenizer(hf, max_length)


def token_limit(hf: Any, config: Any) -> int:
    """Longest input, in tokens, that tokenizer and position embeddings both allow."""
    limits = []
    if 0 < hf.model_max_length < _NO_LIMIT:
        limits.append(int(hf.model_max_length))
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        offset = (config.pad_token_id or 0) + 1 if config.model_type in _OFFSET_TYPES else 0
        limits.append(positions - offset)
    return min(limits, default=_FALLBACK_LIMIT)
