"""Token types (segments): the numbers that some tokenizers give each token beside its id.

Of one text they are 0 in most models. XLNet and Funnel give [CLS] a type of its own, and compute other vectors without.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.features.batches import TokenIds, pad

#: Kinds of models for which types that are all 0 are not the same as none.
_ZEROS_COUNT = frozenset(
    {"codegen", "ctrl", "flaubert", "gpt2", "gpt_bigcode", "gpt_neo", "gptj", "openai-gpt", "xlm", "xlnet"}
)


@dataclass(frozen=True)
class TokenTypes:
    """Types of the tokens of one text: special ones before it, its own, special ones after it."""

    before: tuple[int, ...]
    own: int
    after: tuple[int, ...]

    def of(self, lengths: Sequence[int], width: int) -> NDArray[np.int64]:
        """Return the types of texts of `lengths` tokens, padded on the right with 0; shape (n_texts, width), int64."""
        types = np.zeros((len(lengths), width), np.int64)
        for row, length in enumerate(lengths):
            types[row, :length] = self.own
            types[row, : len(self.before)] = self.before
            types[row, length - len(self.after) : length] = self.after
        return types

    def count_for(self, kind: str) -> bool:
        """Return whether a model of `kind` may compute something else with these types than with none."""
        return kind in _ZEROS_COUNT or any((*self.before, self.own, *self.after))


def takes_types(model: Any) -> bool:
    """Return whether `model` reads token types."""
    return "token_type_ids" in inspect.signature(model.forward).parameters


def model_inputs(
    ids: Sequence[TokenIds], pad_id: int, types: TokenTypes | None, step: int = 1
) -> dict[str, NDArray[np.int64]]:
    """Return what a model is called with by name, each of shape (n_texts, longest), int64; see `pad`."""
    input_ids, mask = pad(ids, pad_id, step)
    inputs = {"input_ids": input_ids, "attention_mask": mask}
    if types is not None:
        inputs["token_type_ids"] = types.of(list(map(len, ids)), input_ids.shape[1])
    return inputs
