"""What an encoder does, found by trying it on a few short inputs once its weights are loaded.

Whether a text's vector depends on the padding of its batch, whether [CLS] reads the whole text, and how many positions
and ids its tables hold: no list of architectures can know these, a few forward passes can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import CheckpointError
from featx.features.batches import TokenIds
from featx.features.memory import is_out_of_memory
from featx.features.token_types import model_inputs, takes_types
from featx.features.tokens import Tokenizer

if TYPE_CHECKING:
    import torch

#: Largest relative difference of two hidden states that are the same but for rounding, by bits of the type.
_TOLERANCE = {64: 1e-9, 32: 2e-5, 16: 0.2}
#: Tokens of the inputs; the longest is cut to what the tokenizer allows.
_SHORT, _MIDDLE, _LONG = 4, 9, 72
#: Letters, for encoders whose ids are code points.
_CODE_POINTS = range(97, 123)


@dataclass(frozen=True)
class Trial:
    """What was found.

    Attributes
    ----------
    padding_matters : bool
        Whether a text must not stand in a batch with longer ones, since its vector would change with them.
    cls_reads_text : bool
        Whether the state of [CLS] changes with the token of the text that is farthest from it: not so under a causal
        mask, where it stands first.
    """

    padding_matters: bool
    cls_reads_text: bool


def try_out(model: Any, tokenizer: Tokenizer) -> Trial:
    """Try `model` on four batches of short inputs.

    Parameters
    ----------
    model : PreTrainedModel
        On its device, ready to compute.
    tokenizer : Tokenizer

    Raises
    ------
    CheckpointError
        If it cannot compute with token ids alone, its states are not one a token, it does not give the same for the
        same input, or its tables are too small for the tokenizer's limit.
    """
    import torch

    limit = tokenizer.max_length
    lengths = min(_SHORT, limit - 2), min(_MIDDLE, limit - 1), min(_LONG, limit)
    short, middle, long = (_input(tokenizer, length) for length in lengths)
    before, after = tokenizer.special_tokens
    cls = tokenizer.cls_place or 0
    farthest = len(middle) - 1 - len(after) if cls >= 0 else len(before)
    changed = middle.copy()
    other = [token for token in long if token not in middle]
    changed[farthest] = other[0] if other else middle[farthest]
    kind = f"checkpoint {tokenizer.name!r} ({model.config.model_type})"
    with torch.inference_mode():
        with _Lookups() as lookups:
            (alone,) = _states(model, [middle], tokenizer, kind)
        _check_tables(lookups.found, tokenizer)
        (short_alone,) = _states(model, [short], tokenizer, kind)
        same, moved = _states(model, [middle, changed], tokenizer, kind)
        tolerance = _TOLERANCE[torch.finfo(alone.dtype).bits]
        if _distance(same, alone) > tolerance:
            raise CheckpointError(
                f"{kind} gives different hidden states for one text by what else is in its batch "
                f"({_distance(same, alone):.1g} apart), so that no feature of it can be named; choose another"
            )
        padded = _states(model, [short, middle, long], tokenizer, kind)
    apart = max(_distance(padded[0], short_alone), _distance(padded[1], alone))
    return Trial(apart > tolerance, not other or bool((same[cls] != moved[cls]).any()))


def _input(tokenizer: Tokenizer, n_tokens: int) -> NDArray[np.int32]:
    """Return ids of a text of `n_tokens` tokens: special ones where the tokenizer puts them, others at random."""
    before, after = tokenizer.special_tokens
    room = max(1, n_tokens - len(before) - len(after))
    special = set(tokenizer.hf.all_special_ids)
    known = len(tokenizer.hf) if tokenizer.n_ids is None else min(tokenizer.n_ids, len(tokenizer.hf))
    ids: Sequence[int] = range(known) if tokenizer.n_ids else _CODE_POINTS
    usable = [token for token in _some(ids) if token not in special] or [0]
    content = np.random.default_rng(n_tokens).permutation(np.resize(usable, max(room, len(usable))))[:room]
    return np.concatenate([before, content, after]).astype(np.int32)


def _some(ids: Sequence[int]) -> Sequence[int]:
    """Return about a hundred of `ids`, spread over all."""
    return ids[:: max(1, len(ids) // 100)]


def _states(model: Any, ids: Sequence[TokenIds], tokenizer: Tokenizer, kind: str) -> list[torch.Tensor]:
    """Return the last hidden states of each input without its padding, each (n_tokens, hidden_size)."""
    import torch

    types = tokenizer.token_types if takes_types(model) else None
    arrays = model_inputs(ids, tokenizer.pad_id, types)
    inputs = {name: torch.from_numpy(array).to(model.device) for name, array in arrays.items()}
    try:
        hidden = model(**inputs).last_hidden_state
    except Exception as e:  # models of images and layouts raise many kinds
        if is_out_of_memory(e):
            raise
        first_line = (str(e).strip().splitlines() or [type(e).__name__])[0][:200]
        raise CheckpointError(f"{kind} cannot encode texts by their tokens alone: {first_line}; choose another") from e
    expected = (*arrays["input_ids"].shape, model.config.hidden_size)
    if tuple(hidden.shape) != expected:
        raise CheckpointError(
            f"{kind} gives hidden states of shape {tuple(hidden.shape)} for an input of {expected[:2]} tokens; "
            f"expected {expected}: choose an encoder such as distilbert-base-uncased"
        )
    return [hidden[row, : len(tokens)] for row, tokens in enumerate(ids)]


def _distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Return the largest relative distance of two states of one token; 0 for NaN, which is said later."""
    import torch

    a, b = a.float(), b.float()
    size = torch.linalg.vector_norm(b, dim=-1)
    apart = torch.linalg.vector_norm(a - b, dim=-1) / size.clamp_min(1e-12)
    return float(apart.max()) if bool(torch.isfinite(apart).all()) else 0.0


def _check_tables(found: Sequence[tuple[torch.Tensor, int]], tokenizer: Tokenizer) -> None:
    """Check that a table which was asked for consecutive rows holds one for every position of the longest input."""
    for rows, size in found:
        places = rows.reshape(-1).tolist()
        if len(places) >= _SHORT and places == list(range(places[0], places[0] + len(places))):
            limit = size - places[0]
            if tokenizer.max_length > limit:
                raise CheckpointError(
                    f"checkpoint {tokenizer.name!r} has positions for {limit} tokens, but texts would be cut at "
                    f"{tokenizer.max_length}; give `max_length` {limit}"
                )


class _Lookups:
    """Record which rows of which embedding tables are looked up."""

    def __init__(self) -> None:
        self.found: list[tuple[torch.Tensor, int]] = []
        self._mode: Any = None

    def __enter__(self) -> _Lookups:
        import torch
        from torch.overrides import TorchFunctionMode

        found = self.found

        class Recorder(TorchFunctionMode):
            def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                if function is torch.nn.functional.embedding and len(args) >= 2:
                    found.append((args[0], int(args[1].shape[0])))
                return function(*args, **(kwargs or {}))

        self._mode = Recorder()
        self._mode.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._mode.__exit__(*error)
