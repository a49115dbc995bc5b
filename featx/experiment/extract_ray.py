"""``featx extract --engine ray``: the splits of a data set through the workers of a Ray cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from featx.data import TextDataset
from featx.experiment.features import SplitFeatures
from featx.experiment.progress import Display
from featx.features.checkpoint import find_checkpoint
from featx.features.engine_ray import RayEngine
from featx.features.extraction import Encoded, Progress
from featx.settings import CachePlace, ComputeSettings, FeatureSettings, RaySettings


def extract_splits_with_ray(
    dataset: TextDataset,
    splits: Sequence[str],
    checkpoint_name: str,
    revision: str | None,
    features: FeatureSettings,
    compute: ComputeSettings,
    cache: CachePlace,
    display: Display,
    settings: RaySettings,
) -> SplitFeatures:
    """Bring the texts of `splits` into the store, by the workers of a Ray cluster."""
    checkpoint = find_checkpoint(checkpoint_name, cache, revision)
    encoded: dict[str, Encoded] = {}
    shared = cache.absolute() if isinstance(cache, Path) else cache
    with RayEngine(checkpoint, features, compute, shared, settings) as engine:
        for split in splits:
            texts = dataset.splits[split].texts
            with display.task(f"extract {split}", len(texts)) as task:

                def show(progress: Progress, total: int = len(texts), task: Any = task) -> None:
                    counts, seconds = progress.counts, max(progress.seconds, 1e-9)
                    task.update(counts.encoded + counts.reused, total, f"{counts.encoded / seconds:.0f} texts/s by Ray")

                encoded[split] = engine.encode(texts, show)
        result = SplitFeatures(checkpoint, engine.specs, encoded, engine.hidden_size, engine.device)
    if result.counts.truncated:
        display.say(f"{result.counts.truncated} of the {result.counts.encoded} texts encoded now were cut")
    return result
