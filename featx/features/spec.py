"""`FeatureSpec`: all that a feature depends on, written canonically and hashed to a name.

What is not in it (batch size, device, threads, library versions, folder names) does not change the name.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256

from featx.settings import Dtype, Pooling

#: Version of the store's format and of the meaning of the fields below.
FORMAT_VERSION = 1


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
        Type of the computation; the stored type is always float32.
    """

    checkpoint: str
    tokenizer: str
    max_length: int
    layer: int
    pooling: Pooling
    dtype: Dtype
    format_version: int = FORMAT_VERSION

    def canonical(self) -> str:
        """Return JSON with sorted keys and no blanks: equal specs are equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def name(self) -> str:
        """Sha256 of the canonical form, 64 hex digits: the folder in the store."""
        return sha256(self.canonical().encode()).hexdigest()
