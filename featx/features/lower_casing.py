"""Lower-casing that a checkpoint asks for beside its tokenizer, as sentence-transformers does it."""

from __future__ import annotations

from typing import Any, cast

from featx.errors import CheckpointError


def lower_case(hf: Any, name: str) -> None:
    """Let `hf`, the tokenizer of the checkpoint `name`, lower-case each text before its own rules.

    Raises
    ------
    CheckpointError
        If it has no rules that can be added to.
    """
    from tokenizers.normalizers import Lowercase, Sequence

    if not getattr(hf, "is_fast", False):
        raise CheckpointError(
            f"checkpoint {name!r} asks for lower-casing (do_lower_case), which its slow tokenizer does not allow; save "
            "it with a fast one (tokenizer.json)"
        )
    own: Any = hf.backend_tokenizer.normalizer
    rules: list[Any] = list(cast("Any", own)) if isinstance(own, Sequence) else [] if own is None else [own]
    if not any(isinstance(rule, Lowercase) for rule in rules):
        hf.backend_tokenizer.normalizer = Sequence([Lowercase(), *rules])
