"""What runs in the processes of a Ray cluster: a worker that encodes windows straight into the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from featx.errors import CheckpointError, StoreError
from featx.features.checkpoint import find_checkpoint
from featx.features.device import thread_limit
from featx.features.encoder import Encoder, load_encoder
from featx.features.extraction import Extractor
from featx.features.store.token import sees_token
from featx.settings import CachePlace, Checkpoint, ComputeSettings, FeatureSettings


@dataclass(frozen=True)
class Order:
    """What a worker is told once: the checkpoint, the features, and where they go.

    Attributes
    ----------
    token : str
        Name of a file in the cache folder, by which a worker knows that it sees the driver's folder.
    """

    checkpoint: Checkpoint
    features: FeatureSettings
    compute: ComputeSettings
    cache_dir: CachePlace
    token: str


@dataclass(frozen=True)
class WindowCounts:
    """What a worker tells of a window."""

    encoded: int
    truncated: int
    tokens: int


class Worker:
    """Encodes windows; lives in a process of its own, made by Ray."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._encoder: Encoder | None = None

    def prepare(self) -> str:
        """Load the encoder and say on which device; not in the constructor, whose errors Ray tells as its own.

        Raises
        ------
        CheckpointError
            If the checkpoint is not there on this node, or is another one.
        StoreError
            If the cache folder is not the driver's.
        """
        order = self._order
        if not sees_token(order.cache_dir, order.token):
            raise StoreError(
                f"a worker does not see the cache folder {order.cache_dir} of the driver; with Ray it must be a folder "
                "that every node reaches under the same path, or a place in an object store: give one as `cache_dir`"
            )
        wanted = order.checkpoint
        found = find_checkpoint(wanted.name, order.cache_dir, wanted.revision)
        if (found.digest, found.tokenizer_digest) != (wanted.digest, wanted.tokenizer_digest):
            raise CheckpointError(
                f"checkpoint {wanted.name!r} is another one on a worker's node than here; copy the same files to each"
            )
        self._encoder = load_encoder(found, order.features, order.compute)
        self._encoder.load()
        return str(self._encoder.device)

    def encode(self, texts: Sequence[str]) -> WindowCounts:
        """Encode a window into the store.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        assert self._encoder is not None
        order = self._order
        # A new one each time: it knows nothing of earlier windows, so that a worker's memory does not grow.
        extractor = Extractor(
            self._encoder,
            order.checkpoint,
            order.features,
            order.cache_dir,
            write_only=True,
            first_window=len(texts),  # one shard
        )
        with thread_limit(order.compute.threads):
            counts = extractor.encode(texts).counts
        if not extractor.is_durable:
            raise StoreError(f"a worker cannot write to the cache folder {order.cache_dir}; give another `cache_dir`")
        return WindowCounts(counts.encoded, counts.truncated, counts.tokens)
