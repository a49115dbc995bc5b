"""Checkpoint and texts to features, through the store, with a progress bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featx.data import TextDataset
from featx.experiment.progress import Display
from featx.features.checkpoint import find_checkpoint
from featx.features.device import thread_limit
from featx.features.encoder import load_encoder
from featx.features.extraction import Counts, Encoded, Extractor, Progress
from featx.features.spec import FeatureSpec
from featx.settings import CachePlace, Checkpoint, ComputeSettings, FeatureSettings

#: Share of the time from which on waiting for tokens is worth a remark.
_WAITING_SHARE = 0.2


@dataclass(frozen=True)
class SplitFeatures:
    """Features of the splits of a data set.

    Attributes
    ----------
    checkpoint : Checkpoint
    specs : list of FeatureSpec
        Kinds of features, layers outermost.
    encoded : mapping of split name to Encoded
    hidden_size : int
    device : str
    """

    checkpoint: Checkpoint
    specs: list[FeatureSpec]
    encoded: Mapping[str, Encoded]
    hidden_size: int
    device: str

    def of(self, split: str, kind: int = 0) -> NDArray[np.float32]:
        """Features of one split and kind, shape (n_texts, hidden_size)."""
        return self.encoded[split].gather(kind)

    @property
    def counts(self) -> Counts:
        """Counts over all splits."""
        total = Counts()
        for encoded in self.encoded.values():
            counts = encoded.counts
            total = Counts(
                total.texts + counts.texts,
                total.encoded + counts.encoded,
                total.reused + counts.reused,
                total.truncated + counts.truncated,
                total.tokens + counts.tokens,
                total.extract_seconds + counts.extract_seconds,
                total.waiting_seconds + counts.waiting_seconds,
            )
        return total


def extract_splits(
    dataset: TextDataset,
    splits: Sequence[str],
    checkpoint_name: str,
    revision: str | None,
    features: FeatureSettings,
    compute: ComputeSettings,
    cache: CachePlace,
    display: Display,
) -> SplitFeatures:
    """Bring the texts of `splits` into the store and hold on to them."""
    with thread_limit(compute.threads):
        checkpoint = find_checkpoint(checkpoint_name, cache, revision)
        encoder = load_encoder(checkpoint, features, compute)
        extractor = Extractor(encoder, checkpoint, features, cache)
        encoded = {}
        for split in splits:
            texts = dataset.splits[split].texts
            with display.task(f"extract {split}", len(texts)) as task:

                def show(progress: Progress, total: int = len(texts), task: object = task) -> None:
                    counts, seconds = progress.counts, max(progress.seconds, 1e-9)
                    speed = f"{counts.encoded / seconds:.0f} texts/s {counts.tokens / seconds:.0f} tokens/s"
                    task.update(counts.encoded + counts.reused, total, f"{speed} {counts.reused} reused")  # type: ignore[attr-defined]

                encoded[split] = extractor.encode(texts, show)
    result = SplitFeatures(checkpoint, extractor.specs, encoded, encoder.hidden_size, str(encoder.device))
    if result.counts.truncated:
        display.say(
            f"{result.counts.truncated} of the {result.counts.encoded} texts encoded now are longer than "
            f"{encoder.tokenizer.max_length} tokens and were cut there"
        )
    if (waited := result.counts.waiting_seconds) > _WAITING_SHARE * result.counts.extract_seconds:
        display.say(
            f"tokenising held the encoder up for {waited:.1f} of {result.counts.extract_seconds:.1f} s; more cores, or "
            "--threads where it was given, would help, a faster device would not"
        )
    return result
