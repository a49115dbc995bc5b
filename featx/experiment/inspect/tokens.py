"""``featx inspect tokens``: the tokens of texts, and what is cut away of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from featx.errors import DataError
from featx.experiment.context import Context
from featx.features.inspection import Token, tokens_of
from featx.features.tokens import Tokenizer, load_config, load_tokenizer, token_limit


@dataclass(frozen=True)
class InspectedText:
    """A text and its tokens.

    Attributes
    ----------
    text : str
    tokens : list of Token
    """

    text: str
    tokens: list[Token]

    @property
    def n_cut(self) -> int:
        """Tokens that are cut away."""
        return sum(not token.kept for token in self.tokens)

    @property
    def cut_text(self) -> str:
        """The part of the text that is cut away; empty where that cannot be told."""
        starts = [token.start for token in self.tokens if not token.kept and token.start is not None]
        return self.text[min(starts) :] if starts else ""


def inspect_tokens(
    context: Context, texts: Sequence[str], max_length: int | None = None
) -> tuple[list[InspectedText], int]:
    """Return the tokens of each text, and the length at which they are cut.

    Raises
    ------
    DataError
        If a text is empty.
    FeatxError
        For a wrong checkpoint or length.
    """
    for position, text in enumerate(texts, 1):
        if not text.strip():
            raise DataError(f"text {position} is empty; leave it out or give it words")
    tokenizer, _ = tokenizer_of(context, max_length)
    made = tokens_of(tokenizer, texts)
    return [InspectedText(text, tokens) for text, tokens in zip(texts, made, strict=True)], tokenizer.max_length


def tokenizer_of(context: Context, max_length: int | None) -> tuple[Tokenizer, int]:
    """Return the checkpoint's tokenizer, which cuts at `max_length`, and the checkpoint's own limit."""
    config = load_config(context.checkpoint)
    tokenizer = load_tokenizer(context.checkpoint, config, max_length)
    return tokenizer, token_limit(tokenizer.hf, config)
