"""Vectors of the inputs that a text became are joined into one vector a text, as they come.

A text that is one input has that input's vector. One that was taken apart into windows has

- with pooling max the greatest of its windows' vectors in each dimension: that over all its tokens;
- with every other pooling the mean of its windows' vectors, each weighted by its tokens of the text, where a token that
  stands in two windows counts half in each (`featx.features.long_tokens.window_shares`). With mean that is the mean
  over the tokens, but for special tokens, which every window has; with cls and last, whose one token stands for a whole
  window, it is what the windows say of the text.

May import ``settings``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from featx.features.tokens import TokenizedTexts
from featx.settings import Pooling


class JoinedVectors:
    """Vectors of texts.

    Parameters
    ----------
    tokens : TokenizedTexts
    poolings : sequence of Pooling
        Of each kind of vector.
    hidden_size : int
    """

    def __init__(self, tokens: TokenizedTexts, poolings: Sequence[Pooling], hidden_size: int) -> None:
        self._tokens, self._poolings = tokens, poolings
        shape = tokens.n_texts, hidden_size
        if tokens.texts is None:
            self._arrays = [np.empty(shape, np.float32) for _ in poolings]
        else:  # -0.0 added to a number leaves it as it is, whatever its sign
            starts = [-np.inf if pooling is Pooling.MAX else -0.0 for pooling in poolings]
            self._arrays = [np.full(shape, start, np.float64) for start in starts]
            self._missing = np.bincount(tokens.texts, minlength=tokens.n_texts)

    def add(self, rows: NDArray[np.int64], pooled: Sequence[NDArray[np.float32]]) -> int:
        """Take note of the vectors of `rows` in each kind; return how many texts are now complete."""
        tokens = self._tokens
        if tokens.texts is None or tokens.shares is None:
            for whole, part in zip(self._arrays, pooled, strict=True):
                whole[rows] = part
            return len(rows)
        texts = tokens.texts[rows]
        for whole, part, pooling in zip(self._arrays, pooled, self._poolings, strict=True):
            if pooling is Pooling.MAX:
                np.maximum.at(whole, texts, part)
            else:
                np.add.at(whole, texts, tokens.shares[rows, None] * part)
        np.subtract.at(self._missing, texts, 1)
        return int((self._missing[np.unique(texts)] == 0).sum())

    def vectors(self) -> list[NDArray[np.float32]]:
        """Return the vectors of each kind, shape (n_texts, hidden_size)."""
        return [array.astype(np.float32, copy=False) for array in self._arrays]
