"""Longest input of a checkpoint: what its tokenizer states and its table of positions holds."""

from __future__ import annotations

from typing import Any

from featx.errors import CheckpointError
from featx.features.checkpoint import quiet_transformers

#: The limit where neither tokenizer nor configuration states one.
_FALLBACK_LIMIT = 512
#: A tokenizer that knows no limit says 1e30.
_NO_LIMIT = 1_000_000
#: Architectures whose positions start behind the padding id.
_OFFSET_TYPES = frozenset(
    {"camembert", "data2vec-text", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta",
     "xlm-roberta-xl", "xmod"}
)  # fmt: skip
#: Architectures whose positions start at 0; all others are looked at, see `_positions_of_model`.
_PLAIN_TYPES = frozenset(
    {"albert", "bert", "deberta", "deberta-v2", "distilbert", "electra", "ernie", "fnet", "mobilebert", "modernbert"}
)
#: What tables of positions are called.
_TABLES = ("position_embeddings", "char_position_embeddings", "embed_positions", "wpe")


def token_limit(hf: Any, config: Any, name: str = "") -> int:
    """Return the longest input, in tokens, that tokenizer and position embeddings both allow.

    Parameters
    ----------
    hf : PreTrainedTokenizerBase
    config : PretrainedConfig
    name : str
        Of the checkpoint, for messages.

    Raises
    ------
    CheckpointError
        If the limit that the tokenizer states is not a number.
    """
    stated = hf.model_max_length
    if isinstance(stated, bool) or not isinstance(stated, int | float) or stated != stated:
        raise CheckpointError(
            f"checkpoint {name!r}: tokenizer_config.json says model_max_length {stated!r}; expected a whole number"
        )
    limits = [int(stated)] if 0 < stated < _NO_LIMIT else []
    positions = position_limit(config)
    return min(limits if positions is None else [*limits, positions], default=_FALLBACK_LIMIT)


def position_limit(config: Any) -> int | None:
    """Return the tokens that the table of positions holds; None where there is none."""
    positions = getattr(config, "max_position_embeddings", None)
    return _positions(config, positions) if isinstance(positions, int) and positions > 0 else None


def _positions(config: Any, stated: int) -> int:
    if config.model_type in _OFFSET_TYPES:
        return stated - ((config.pad_token_id or 0) + 1)
    return stated if config.model_type in _PLAIN_TYPES else _positions_of_model(config, stated)


def _positions_of_model(config: Any, stated: int) -> int:
    """Return the tokens that the model's table of positions holds: its size less the offset that its ids have.

    The model is built without memory for its weights. A table with a padding row starts behind it; others say their
    offset, or are longer than stated by it. Trying checks it once the weights are there, see `featx.features.trial`.
    """
    import torch
    from transformers import AutoModel

    auto: Any = AutoModel
    try:
        with quiet_transformers(), torch.device("meta"):
            model = auto.from_config(config)
    except Exception:  # what cannot be built says so, in one line, when its weights are loaded
        return stated
    limits = [stated]
    for path, module in model.named_modules():
        table = getattr(module, "weight", None)
        if path.rpartition(".")[2] in _TABLES and isinstance(table, torch.Tensor) and table.ndim == 2:
            padding = getattr(module, "padding_idx", None)
            behind = 0 if padding is None else int(padding) + 1
            limits.append(table.shape[0] - int(getattr(module, "offset", behind)))
    return min(limits)
