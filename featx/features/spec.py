"""`FeatureSpec`: all that a feature depends on, written canonically and hashed to a name.

What is not in it (batch size, device, threads, library versions, folder names) does not change the name.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from featx.settings import Dtype, Long, Pooling

#: Version of the store's format and of the meaning of the fields below.
FORMAT_VERSION = 1
#: Fields that version 0.1 did not have.
_LATER = ("prompt", "long")


@dataclass(frozen=True)
class FeatureSpec:
    """Identity of one kind of feature.

    Attributes
    ----------
    checkpoint, tokenizer : str
        Digests: the Hub's commit, or sha256 of the files of a folder.
    max_length : int
        Tokens at which a text is cut, special ones included.
    layer : int
        0 (embeddings) to n (last); never negative here.
    pooling : Pooling
    dtype : Dtype
        Type of the computation, never ``auto``; the stored type is always float32.
    prompt : str
        Put before each text.
    long : Long
        What becomes of longer texts.
    """

    checkpoint: str
    tokenizer: str
    max_length: int
    layer: int
    pooling: Pooling
    dtype: Dtype
    format_version: int = FORMAT_VERSION
    prompt: str = ""
    long: Long = Long.CUT

    def __post_init__(self) -> None:
        if self.dtype is Dtype.AUTO:
            raise ValueError("the type of a feature is auto; resolve it first, see featx.features.native_types")

    def facts(self) -> dict[str, Any]:
        """Return all fields but those that came later and stand at what was done before: names stay as they were."""
        found = asdict(self)
        for later in _LATER:
            if found[later] == getattr(type(self), later):
                del found[later]
        return found

    def canonical(self) -> str:
        """Return JSON with sorted keys and no blanks: equal specs are equal text."""
        return json.dumps(self.facts(), sort_keys=True, separators=(",", ":"))

    @property
    def name(self) -> str:
        """Sha256 of the canonical form, 64 hex digits: the folder in the store."""
        return sha256(self.canonical().encode()).hexdigest()
