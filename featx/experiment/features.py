"""Checkpoint and texts to features, through the store, with a progress bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from featx.experiment.context import Context
from featx.experiment.progress import Display
from featx.features.engine import Engine, open_engine
from featx.features.extraction import Counts, Encoded, Progress, added, joined
from featx.features.resolving import in_words
from featx.features.spec import FeatureSpec
from featx.settings import Checkpoint, Dtype, FeatureSettings, Long

#: Share of the time from which on waiting for tokens is worth a remark.
_WAITING_SHARE = 0.2


@dataclass(frozen=True)
class SplitFeatures:
    """Features of the splits of a data set.

    Attributes
    ----------
    checkpoint : Checkpoint
    settings : FeatureSettings
        Resolved.
    specs : list of FeatureSpec
        Kinds of features: by `long`, then by layer, then by pooling.
    encoded : mapping of split name to Encoded
    hidden_size : int
    device : str
    note : str or None
        What `Pooling.AUTO` stands for and why; None where it was not asked for.
    """

    checkpoint: Checkpoint
    settings: FeatureSettings
    specs: list[FeatureSpec]
    encoded: Mapping[str, Encoded]
    hidden_size: int
    device: str
    note: str | None = None

    def of(self, split: str, kind: int = 0) -> NDArray[np.float32]:
        """Return the features of one split and kind, shape (n_texts, hidden_size)."""
        return self.encoded[split].gather(kind)

    @property
    def counts(self) -> Counts:
        """Counts over all splits."""
        return added([encoded.counts for encoded in self.encoded.values()])


def extract_splits(context: Context, splits: Sequence[str], features: FeatureSettings) -> SplitFeatures:
    """Return the features of `splits`; texts that the store lacks are encoded by the context's engine.

    Raises
    ------
    FeatxError
        For a wrong checkpoint or setting, and for a store that cannot be written.
    """
    asked, features = features, context.resolved(features)
    said = in_words(asked, features, context.checkpoint)
    if said is not None:
        context.say_once(said)
    if asked.dtype is Dtype.AUTO:
        context.say_once(f"`dtype` auto is {features.dtype.value}: the fastest type that is computed natively")
    parts = [_extracted(context, splits, replace(features, long=(long,))) for long in features.long]
    if len(parts) == 1:
        return replace(parts[0], note=said)
    return replace(
        parts[0],
        note=said,
        settings=features,
        specs=[spec for part in parts for spec in part.specs],
        encoded={split: joined([part.encoded[split] for part in parts]) for split in splits},
    )


def _extracted(context: Context, splits: Sequence[str], features: FeatureSettings) -> SplitFeatures:
    """Return the features with one way to read long texts."""
    cache, own = context.workspace.cache, partial(context.encoder, features)
    with open_engine(context.checkpoint, features, context.compute, cache, context.ray, own) as engine:
        encoded = {split: _encoded(context, split, engine) for split in splits}
        made = SplitFeatures(context.checkpoint, features, engine.specs, encoded, engine.hidden_size, engine.device)
    _say_what_was_slow_or_cut(made, context.display)
    return made


def _encoded(context: Context, split: str, engine: Engine) -> Encoded:
    """Return what `engine` made of a split, with a progress bar."""
    texts = context.dataset.splits[split].texts
    with context.display.task(f"extract {split}", len(texts)) as task:

        def show(progress: Progress) -> None:
            counts, seconds = progress.counts, max(progress.seconds, 1e-9)
            speed = f"{counts.encoded / seconds:.0f} texts/s {counts.tokens / seconds:.0f} tokens/s"
            task.update(counts.encoded + counts.reused, len(texts), f"{speed} {counts.reused} reused")

        return engine.encode(texts, show)


def _say_what_was_slow_or_cut(made: SplitFeatures, display: Display) -> None:
    counts = made.counts
    fate = "lost their middle" if made.specs[0].long is Long.HEAD_TAIL else "were cut there"
    if counts.truncated:
        display.say(
            f"{counts.truncated} of the {counts.encoded} texts encoded now are longer than "
            f"{made.specs[0].max_length} tokens and {fate}"
        )
    if counts.waiting_seconds > _WAITING_SHARE * counts.extract_seconds:
        display.say(
            f"tokenising held the encoder up for {counts.waiting_seconds:.1f} of {counts.extract_seconds:.1f} s; more "
            "cores, or `threads` where it was given, would help, a faster device would not"
        )
