"""Texts become token ids: one tokenizer and one length limit for extraction and fine-tuning alike."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from featx.errors import CheckpointError, ExtractionError, SettingsError
from featx.features.checkpoint import loading
from featx.features.checkpoint_files import check_tokenizer_unchanged
from featx.features.configuration import load_config as load_config
from featx.features.limits import token_limit as token_limit
from featx.features.long_tokens import parts_of
from featx.features.lower_casing import lower_case
from featx.features.stated import stated_by
from featx.features.token_types import TokenTypes
from featx.settings import Checkpoint, Long

#: Unknown tokens that a message names.
_SHOWN_TOKENS = 4


@dataclass(frozen=True)
class TokenizedTexts:
    """Token ids of texts, unpadded, in the order of the texts; four bytes a token.

    A text is one row, or several where long ones are taken apart into windows: then its rows follow each other.

    Attributes
    ----------
    flat : ndarray of shape (n_tokens,), int32
        Ids of all rows, one after the other.
    offsets : ndarray of shape (n_rows + 1,), int64
        Where each row begins in `flat`, and where the last one ends.
    n_truncated : int
        Texts that lost tokens, since they were longer than the limit.
    texts : ndarray of shape (n_rows,), int64, or None
        Position of the text of each row; None where every text is one row.
    shares : ndarray of shape (n_rows,), float64, or None
        What each row counts of its text; those of a text add up to 1.
    """

    flat: NDArray[np.int32]
    offsets: NDArray[np.int64]
    n_truncated: int
    texts: NDArray[np.int64] | None = None
    shares: NDArray[np.float64] | None = None

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row after cutting, special ones included; shape (n_rows,), int64."""
        return np.diff(self.offsets)

    @property
    def n_texts(self) -> int:
        """Number of texts."""
        return len(self) if self.texts is None else int(self.texts[-1]) + 1

    def rows_of(self, texts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of some texts, in the order of `texts`."""
        if self.texts is None:
            return texts
        bounds = np.searchsorted(self.texts, np.arange(self.n_texts + 1))
        return np.concatenate([np.arange(bounds[text], bounds[text + 1]) for text in texts.tolist()])

    def averaged(self, values: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the mean of each text's rows by their shares, out of `values` of `rows_of` some texts."""
        if self.texts is None or self.shares is None:
            return values
        starts = np.flatnonzero(np.diff(self.texts[rows], prepend=-1))
        return np.asarray(np.add.reduceat(values * self.shares[rows, None], starts, axis=0), np.float64)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self.flat[self.offsets[row] : self.offsets[row + 1]]


class Tokenizer:
    """A Transformers tokenizer together with the length at which it cuts and the ids that the encoder knows.

    Attributes
    ----------
    hf : PreTrainedTokenizerBase
        The tokenizer itself.
    max_length : int
        Tokens at which a text is cut, special ones included.
    n_ids : int or None
        Rows of the encoder's token embeddings; None where it has no such table.
    name : str
        Of the checkpoint, for messages.
    prompt : str
        Put before each text.
    """

    def __init__(self, hf: Any, max_length: int, n_ids: int | None = None, name: str = "", prompt: str = "") -> None:
        self.hf = hf
        self.max_length = max_length
        self.n_ids = n_ids
        self.name = name
        self.prompt = prompt

    @property
    def pad_id(self) -> int:
        """Id that fills up short texts; any will do where the encoder knows none, since it is masked."""
        own = int(self.hf.pad_token_id or 0)
        return own if self.n_ids is None or own < self.n_ids else 0

    @cached_property
    def special_tokens(self) -> tuple[list[int], list[int]]:
        """Ids of the special tokens that are put before and after every text."""
        encoded = self.hf("a", return_special_tokens_mask=True)
        ids, mask = list(encoded["input_ids"]), list(encoded["special_tokens_mask"])
        n_before = next((place for place, is_special in enumerate(mask) if not is_special), 0)
        n_after = next((place for place, is_special in enumerate(reversed(mask)) if not is_special), 0)
        return ids[:n_before], ids[len(ids) - n_after :]

    @cached_property
    def cls_place(self) -> int | None:
        """Where [CLS] stands in a text: 0 is the first token, -1 the last; None where nothing of the kind is added.

        The tokenizer's own cls token, which XLNet has at the end; else a special token before the text, such as <s>.
        """
        before, after = self.special_tokens
        own = self.hf.cls_token_id
        if own in before:
            return before.index(own)
        if own in after:
            return after.index(own) - len(after)
        return 0 if before else None

    @cached_property
    def token_types(self) -> TokenTypes | None:
        """Types of the tokens of a text; None where the tokenizer gives none."""
        types = list(self.hf("a").get("token_type_ids", ()))
        n_before, n_after = map(len, self.special_tokens)
        if len(types) <= n_before + n_after:
            return None
        return TokenTypes(tuple(types[:n_before]), types[n_before], tuple(types[len(types) - n_after :]))

    def __call__(self, texts: Sequence[str], long: Long = Long.CUT) -> TokenizedTexts:
        """Return the token ids of `texts`, each after the prompt and, where it is longer than `max_length`, cut there.

        With another `long` longer texts keep both ends or become windows, see `featx.features.long_tokens`.

        Raises
        ------
        CheckpointError
            If texts use tokens that the encoder has no embeddings for.
        ExtractionError
            If a text gives no token at all.
        """
        texts = [self.prompt + text for text in texts] if self.prompt else list(texts)
        if long is not Long.CUT:
            return self._in_parts(texts, long)
        encoded = self.hf(
            texts,
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
        self._check(texts, lengths, flat)
        return TokenizedTexts(flat, np.concatenate([[0], np.cumsum(lengths)]), cut)

    def _in_parts(self, texts: Sequence[str], long: Long) -> TokenizedTexts:
        rows: list[NDArray[np.int32]] = []
        shares: list[float] = []
        n_rows, lengths, n_truncated = [], [], 0
        n_before, n_after = map(len, self.special_tokens)
        for parts in parts_of(self.hf, texts, self.prompt, self.max_length, (n_before, n_after), long):
            rows += parts.rows
            shares += parts.shares
            n_rows.append(len(parts.rows))
            lengths.append(parts.n_tokens)
            n_truncated += parts.n_kept < parts.n_tokens
        flat = np.concatenate(rows) if rows else np.empty(0, np.int32)
        self._check(texts, np.array(lengths, np.int64), flat)
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        if len(rows) == len(texts):
            return TokenizedTexts(flat, offsets, n_truncated)
        return TokenizedTexts(flat, offsets, n_truncated, np.repeat(np.arange(len(texts)), n_rows), np.array(shares))

    def _check(self, texts: Sequence[str], lengths: NDArray[np.int64], flat: NDArray[np.int32]) -> None:
        empty = np.flatnonzero(lengths == 0)
        if len(empty):
            shown = ", ".join(repr(texts[row][:40]) for row in empty[:3])
            raise ExtractionError(
                f"{len(empty)} texts give no token at all, the first: {shown}; the tokenizer of {self.name!r} adds no "
                "special tokens, so nothing of them reaches the encoder: leave them out, or choose another checkpoint"
            )
        if self.n_ids is None or not len(flat) or flat.max() < self.n_ids:
            return
        beyond = np.unique(flat[flat >= self.n_ids])[:_SHOWN_TOKENS].tolist()
        shown = ", ".join(f"{self.hf.convert_ids_to_tokens(token)!r} ({token})" for token in beyond)
        raise CheckpointError(
            f"checkpoint {self.name!r}: texts use the tokens {shown}, but the encoder has embeddings for the ids 0 to "
            f"{self.n_ids - 1} alone ({self.n_ids}, where the tokenizer knows {len(self.hf)} tokens); call "
            "resize_token_embeddings, train the new ones, and save it again"
        )


def load_tokenizer(checkpoint: Checkpoint, config: Any, max_length: int | None = None, prompt: str = "") -> Tokenizer:
    """Load the tokenizer of `checkpoint`, which cuts at `max_length` tokens or at the longest input of the encoder.

    `prompt` is put before each text.

    Raises
    ------
    CheckpointError
        If the tokenizer cannot be loaded, or its files are no longer those that `checkpoint` was identified by.
    SettingsError
        If `max_length` leaves no room for a token of text or exceeds the checkpoint's limit.
    """
    from transformers import AutoTokenizer

    _check_sentencepiece(checkpoint)
    hf: Any = loading(checkpoint, AutoTokenizer.from_pretrained)
    stated = stated_by(checkpoint)
    check_tokenizer_unchanged(checkpoint)
    if stated.lower_case:
        lower_case(hf, checkpoint.name)
    hf.padding_side = hf.truncation_side = "right"
    usual = limit = token_limit(hf, config, checkpoint.name)
    if stated.max_length is not None and stated.max_length > limit:  # more may be asked for than the tokenizer says
        hf.model_max_length = stated.max_length
        limit = token_limit(hf, config, checkpoint.name)
    special = hf.num_special_tokens_to_add()
    if limit <= special:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} states a limit of {limit} tokens, of which {special} are special ones; "
            "mend model_max_length in tokenizer_config.json or max_position_embeddings in config.json"
        )
    if max_length is not None and not special < max_length <= limit:
        raise SettingsError(
            f"`max_length` is {max_length}; expected {special + 1} ({special} special tokens and one of text) to "
            f"{limit}, the limit of {checkpoint.name!r}",
            "max_length",
        )
    vocabulary = getattr(config, "vocab_size", None)
    n_ids = vocabulary if isinstance(vocabulary, int) and vocabulary > 0 else None
    return Tokenizer(hf, usual if max_length is None else max_length, n_ids, checkpoint.name, prompt)


def _check_sentencepiece(checkpoint: Checkpoint) -> None:
    """Check that what a SentencePiece model needs is installed, where a folder has no other form of its tokenizer."""
    folder = Path(checkpoint.path)
    if checkpoint.revision is not None or (folder / "tokenizer.json").is_file() or find_spec("sentencepiece"):
        return
    for path in sorted((*folder.glob("*.model"), *folder.glob("*.spm"))):
        with path.open("rb") as file:
            if file.read(1) == b"\n":  # the first field of its protocol buffer; models of tiktoken are lines of base64
                raise CheckpointError(
                    f"checkpoint {checkpoint.name!r} has its tokenizer as a SentencePiece model alone ({path.name}), "
                    "and reading it needs the package sentencepiece; install it with: pip install sentencepiece"
                )
