"""`Engine`: what brings texts into the store, this process or a Ray cluster; what comes out is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from featx.features.device import thread_limit
from featx.features.encoder import Encoder, load_encoder
from featx.features.engine_ray import RayEngine
from featx.features.extraction import Encoded, Extractor, Progress
from featx.features.spec import FeatureSpec
from featx.settings import CachePlace, Checkpoint, ComputeSettings, FeatureSettings, RaySettings
from featx.settings import Engine as EngineName


class Engine(Protocol):
    """Brings texts into the store of one cache, for one checkpoint and its features."""

    @property
    def specs(self) -> list[FeatureSpec]:
        """Kinds of features, layers outermost."""

    @property
    def features(self) -> FeatureSettings:
        """What is extracted, resolved: see `featx.features.resolving`."""

    @property
    def hidden_size(self) -> int:
        """Width of a vector."""

    @property
    def device(self) -> str:
        """What encodes; ``none`` while nothing does."""

    def encode(self, texts: Iterable[str], on_progress: Callable[[Progress], None] | None = None) -> Encoded:
        """Bring all `texts` into the store; they are read once."""


@contextmanager
def open_engine(
    checkpoint: Checkpoint,
    features: FeatureSettings,
    compute: ComputeSettings,
    cache_dir: CachePlace | None,
    ray: RaySettings | None = None,
    encoder: Callable[[], Encoder] | None = None,
) -> Iterator[Engine]:
    """Open the engine that ``ray.engine`` names.

    Parameters
    ----------
    checkpoint : Checkpoint
    features : FeatureSettings
    compute : ComputeSettings
        `threads` holds for all that is done in this process while the context is.
    cache_dir : Path, CacheUrl or None
        None keeps features in memory, in this process only.
    ray : RaySettings, optional
        This process encodes when None.
    encoder : callable, optional
        Gives the encoder of this process, where one was loaded before; not called when Ray encodes.

    Raises
    ------
    SettingsError
        If Ray is asked for without a cache that its workers could write to.
    FeatxError
        What loading the checkpoint, and the cluster, raise.
    """
    if ray is not None and ray.engine is EngineName.RAY:
        with RayEngine(checkpoint, features, compute, cache_dir, ray) as engine:
            yield engine
    else:
        with thread_limit(compute.threads):
            own = encoder() if encoder else load_encoder(checkpoint, features, compute)
            yield Extractor(own, checkpoint, features, cache_dir)
