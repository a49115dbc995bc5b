"""From an address to a `TextDataset`: splits of texts with integer labels, label names and digests.

Nothing here knows of models, features or metrics. May import ``errors`` and ``settings``.
"""

from featx.data.address import load_dataset
from featx.data.dataset import Folds, Split, TextDataset
from featx.data.digests import DIGEST_BYTES, text_digest, text_digests

__all__ = ["DIGEST_BYTES", "Folds", "Split", "TextDataset", "load_dataset", "text_digest", "text_digests"]
