"""How a tokenizer takes texts apart: lengths before cutting, and every token with what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featx.features.checkpoint import quiet_transformers
from featx.features.tokens import Tokenizer

_BLOCK = 4_096


@dataclass(frozen=True)
class Token:
    """A token of a text.

    Attributes
    ----------
    position : int
        Before cutting.
    token : str
        As the vocabulary has it.
    id : int
    attention_mask : int
        1 where the encoder looks; 0 for padding.
    kind : str
        ``special``, ``unknown``, ``word`` (the first or only piece), ``piece`` (a later one) or ``padding``.
    start : int or None
        Where these characters begin in the text.
    text : str or None
        The characters that it stands for; None for special tokens, and where the tokenizer cannot tell.
    kept : bool
        Whether it is left after cutting at the maximum length.
    """

    position: int
    token: str
    id: int
    attention_mask: int
    kind: str
    start: int | None
    text: str | None
    kept: bool


def token_lengths(tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.int64]:
    """Tokens of each text before cutting, special ones included; shape (n_texts,), int64."""
    lengths = np.empty(len(texts), np.int64)
    with quiet_transformers():
        for start in range(0, len(texts), _BLOCK):
            block = list(texts[start : start + _BLOCK])
            encoded = tokenizer.hf(block, truncation=False, padding=False, return_attention_mask=False)
            lengths[start : start + len(block)] = [len(ids) for ids in encoded["input_ids"]]
    return lengths


def tokens_of(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[Token]]:
    """Return every token of each text; several texts are padded to the longest, as in a batch."""
    made = [_tokens(tokenizer, text) for text in texts]
    longest = max(sum(token.kept for token in tokens) for tokens in made)
    return [tokens + _padding(tokenizer, tokens, longest) for tokens in made]


def _tokens(tokenizer: Tokenizer, text: str) -> list[Token]:
    hf = tokenizer.hf
    with quiet_transformers():
        encoded = hf(text, truncation=False, return_special_tokens_mask=True, return_offsets_mapping=hf.is_fast)
    ids = [int(token_id) for token_id in encoded["input_ids"]]
    special = encoded["special_tokens_mask"]
    words = encoded.word_ids() if hf.is_fast else [None] * len(ids)
    spans = encoded["offset_mapping"] if hf.is_fast else [None] * len(ids)
    room = tokenizer.max_length - sum(special)
    rows: list[Token] = []
    content = 0
    for position, (token_id, name) in enumerate(zip(ids, hf.convert_ids_to_tokens(ids), strict=True)):
        is_special = bool(special[position])
        kept = is_special or content < room
        content += not is_special
        if is_special:
            kind = "special"
        elif token_id == hf.unk_token_id:
            kind = "unknown"
        else:
            later = position > 0 and words[position] is not None and words[position] == words[position - 1]
            kind = "piece" if later else "word"
        span = spans[position]
        start, end = (None, None) if is_special or span is None else span
        shown = None if start is None else text[start:end]
        rows.append(Token(position, name, token_id, 1, kind, start, shown, kept))
    return rows


def _padding(tokenizer: Tokenizer, tokens: list[Token], longest: int) -> list[Token]:
    missing = longest - sum(token.kept for token in tokens)
    name = str(tokenizer.hf.pad_token or "")
    return [Token(len(tokens) + k, name, tokenizer.pad_id, 0, "padding", None, None, True) for k in range(missing)]
