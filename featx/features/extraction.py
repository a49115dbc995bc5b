"""Texts of any number become rows of the store, and the rows an array in the order of the texts.

Texts are read in windows of bounded size (`windows.py`). A thread looks up and tokenises the next window while the
encoder works on this one; inside a window texts are ordered by length and cut into batches by a token budget; each
finished window is committed as one shard. Only texts that the store lacks are encoded, each once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from featx.data import text_digests
from featx.errors import ExtractionError
from featx.features.batches import token_batches
from featx.features.distinct import OneRow
from featx.features.encoder import Encoder, Launched, feature_specs
from featx.features.joining import JoinedVectors
from featx.features.memory import TextTooLargeError, halving
from featx.features.normalizing import normalized
from featx.features.pipeline import ahead
from featx.features.resolving import resolve_features
from featx.features.spec import FeatureSpec
from featx.features.store import FeatureStore, FeatureView
from featx.features.store.place import Digests
from featx.features.tokens import TokenizedTexts
from featx.features.windows import Window, WindowPlanner, lacking
from featx.settings import CachePlace, Checkpoint, FeatureSettings, Long, Pooling, one_long

#: Texts of the first window. Later ones grow with the encoder's speed, so that a window takes about
#: `_WINDOW_SECONDS`: that much work is lost at most when the process is killed.
_FIRST_WINDOW = 512
#: Where each text may be hundreds of inputs.
_FIRST_WINDOW_OF_LONG = 64
_LARGEST_WINDOW = 8_192
#: On CUDA a window of that size would be done in less time than its commit takes.
_CUDA_WINDOWS = 4
_WINDOW_SECONDS = 15.0
#: Windows that were planned but may not be stored: one that is encoded and one that waits in the queue.
_UNDER_WAY = 2


@dataclass
class Counts:
    """What an extraction did; all but `extract_seconds` are numbers of texts or tokens.

    Where long texts are read in several ways, each way counts all texts. `reused` counts texts that the store had
    and repetitions of a text; `truncated` and `tokens` are of the encoded ones. `extract_seconds` runs from the
    first text read to the last vector committed, tokenising and writing included; in `waiting_seconds` of them the
    encoder had nothing to do but wait for tokens (the first window apart).
    """

    texts: int = 0
    encoded: int = 0
    reused: int = 0
    truncated: int = 0
    tokens: int = 0
    extract_seconds: float = 0.0
    waiting_seconds: float = 0.0

    @property
    def texts_per_second(self) -> float:
        """Texts encoded a second; 0 when all were reused."""
        return self.encoded / self.extract_seconds if self.encoded and self.extract_seconds else 0.0


@dataclass(frozen=True)
class Progress:
    """State of a running extraction, for a display."""

    counts: Counts
    seconds: float


class Extractor:
    """Extracts the features of one checkpoint through one cache folder.

    Parameters
    ----------
    encoder : Encoder
    checkpoint : Checkpoint
        Whose digests name the features.
    features : FeatureSettings
        With one way to read long texts.
    cache_dir : Path or None
        None keeps features in memory only.
    write_only : bool
        Whether to leave unread what the cache holds, see `FeatureStore`.
    first_window : int, optional
        Texts of the first window; later ones grow with the encoder's speed.

    Attributes
    ----------
    specs : list of FeatureSpec
        One for each layer and pooling, layers outermost.
    features : FeatureSettings
        Resolved, see `featx.features.resolving`.
    """

    def __init__(
        self,
        encoder: Encoder,
        checkpoint: Checkpoint,
        features: FeatureSettings,
        cache_dir: CachePlace | None,
        *,
        write_only: bool = False,
        first_window: int | None = None,
    ) -> None:
        self.encoder = encoder
        self.features = resolve_features(checkpoint, features, encoder.config)
        self.specs: list[FeatureSpec] = feature_specs(encoder, checkpoint, self.features)
        self.features = replace(self.features, dtype=self.specs[0].dtype)
        self._stores = [
            FeatureStore(cache_dir, spec, encoder.hidden_size, write_only=write_only) for spec in self.specs
        ]
        self._long = one_long(self.features.long)
        self._least_window = _FIRST_WINDOW_OF_LONG if self._long is Long.WINDOWS else _FIRST_WINDOW
        self._window_size = first_window or self._least_window

    @property
    def hidden_size(self) -> int:
        """Width of a vector."""
        return self.encoder.hidden_size

    @property
    def device(self) -> str:
        """What encodes."""
        return str(self.encoder.device)

    @property
    def kinds(self) -> list[tuple[int, Pooling]]:
        """Layer and pooling of each spec."""
        return [(spec.layer, spec.pooling) for spec in self.specs]

    def encode(self, texts: Iterable[str], on_progress: Callable[[Progress], None] | None = None) -> Encoded:
        """Bring all `texts` into the store.

        Parameters
        ----------
        texts : iterable of str
            Read once, in windows; a generator or an Arrow column will do.
        on_progress : callable, optional
            Called after each batch.

        Returns
        -------
        Encoded
            From which the features are gathered.

        Raises
        ------
        ExtractionError
            If a feature is NaN or infinite (names the texts, and nothing of that window is stored), or something is
            no text.
        StoreError
            If the store cannot be written.
        """
        started = time.perf_counter()
        loading_seconds = 0.0
        counts = Counts()
        report = on_progress or (lambda progress: None)
        planner = WindowPlanner(self._stores, self._window_size, remember=_UNDER_WAY)
        watched = [OneRow(spec, is_alone=len(self.specs) == 1) for spec in self.specs]

        def seconds() -> float:
            return time.perf_counter() - started - loading_seconds

        def show() -> None:
            counts.texts = planner.n_texts
            report(Progress(counts, seconds()))

        tokenizer = self.encoder.tokenizer
        with ahead((window, tokenizer(window.texts, self._long)) for window in planner.windows(texts)) as windows:
            for window, tokens in windows:
                loading_seconds += self.encoder.load()  # nothing is loaded when the store has all texts
                self._encode_window(window, tokens, counts, watched, show)
                planner.size = self._window_size
            counts.waiting_seconds = windows.waited_seconds if counts.encoded else 0.0
        counts.reused = planner.n_texts - counts.encoded
        counts.extract_seconds = seconds()
        show()
        for row in watched:
            row.warn(lambda: counts.encoded)
        return Encoded(planner.digests, counts, self._stores, bool(self.features.normalize))

    @property
    def is_durable(self) -> bool:
        """Whether what is encoded is kept on disk."""
        return all(store.is_writable for store in self._stores)

    def lacks(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return which of `texts` the store lacks in at least one kind, shape (n_texts,), bool."""
        return lacking(self._stores, text_digests(texts))

    def _encode_window(
        self,
        window: Window,
        tokens: TokenizedTexts,
        counts: Counts,
        watched: Sequence[OneRow],
        report: Callable[[], None],
    ) -> None:
        started = time.perf_counter()
        n = len(window.texts)
        joined = JoinedVectors(tokens, [spec.pooling for spec in self.specs], self.encoder.hidden_size)
        for rows, pooled in self._batches(window, tokens):
            counts.encoded += joined.add(rows, pooled)
            counts.tokens += int(tokens.lengths[rows].sum())
            report()
        vectors = joined.vectors()
        counts.truncated += tokens.n_truncated
        self._check_finite(vectors, window)
        for row, array in zip(watched, vectors, strict=True):
            row.add(array)
        seconds = time.perf_counter() - started
        written = self._written(seconds)
        for store, array in zip(self._stores, vectors, strict=True):
            new = store.find(window.digests) < 0
            store.put(window.digests[new], array[new], written)
        rate = n / max(seconds, 1e-6)
        largest = _LARGEST_WINDOW * (_CUDA_WINDOWS if self.encoder.device.type == "cuda" else 1)
        self._window_size = int(np.clip(rate * _WINDOW_SECONDS, self._least_window, largest))

    def _batches(
        self, window: Window, tokens: TokenizedTexts
    ) -> Iterator[tuple[NDArray[np.int64], list[NDArray[np.float32]]]]:
        """Yield rows and vectors of each batch; a batch that memory is too small for comes in parts."""

        def start(rows: NDArray[np.int64]) -> Launched:
            return self.encoder.start([tokens[row] for row in rows], self.kinds)

        waiting: tuple[NDArray[np.int64], Launched] | None = None
        budget = self.encoder.batch_tokens
        try:
            for batch in token_batches(tokens.lengths, budget):
                for rows, launched in halving(batch, start):
                    if len(rows) < len(batch):  # what was too large once would be again in the next window
                        self.encoder.batch_tokens = max(1, budget // 2)
                    if waiting is not None:  # read only now that the next batch is under way
                        yield waiting[0], waiting[1].wait()
                    waiting = rows, launched
            if waiting is not None:
                yield waiting[0], waiting[1].wait()
        except TextTooLargeError as e:
            text, length = window.texts[e.row if tokens.texts is None else tokens.texts[e.row]], tokens.lengths[e.row]
            raise ExtractionError(
                f"out of memory with one text of {length} tokens alone ({text[:60]!r}); lower `max_length`, use "
                "`dtype` bfloat16, or another `device`"
            ) from e

    def _check_finite(self, vectors: Sequence[NDArray[np.float32]], window: Window) -> None:
        bad = np.flatnonzero(~np.all([np.isfinite(array).all(axis=1) for array in vectors], axis=0))
        if len(bad):
            shown = "; ".join(repr(window.texts[row][:60]) for row in bad[:3])
            raise ExtractionError(
                f"{len(bad)} of {len(window.texts)} texts have NaN or infinite features, the first: {shown}; "
                "nothing of them was stored: use `dtype` float32, or check the checkpoint's weights"
            )

    def _written(self, seconds: float) -> dict[str, object]:
        """Return how rows came about, for the manifest; no part of their identity."""
        import torch
        import transformers

        return {
            "encode_seconds": seconds,
            "device": self.device,
            "batch_tokens": self.encoder.batch_tokens,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }


@dataclass(frozen=True)
class Encoded:
    """Texts whose features are in the store.

    Attributes
    ----------
    digests : ndarray of shape (n_texts, 2), uint64
    counts : Counts
    is_normalized : bool
        Whether vectors are scaled to length 1 when they are read.
    """

    digests: Digests
    counts: Counts
    _stores: Sequence[FeatureStore] = field(repr=False)
    is_normalized: bool = False

    def gather(self, kind: int = 0) -> NDArray[np.float32]:
        """Return features of one spec, by its position, shape (n_texts, hidden_size), in the order of the texts."""
        store = self._stores[kind]
        features = store.gather(self._rows(store))
        watched = OneRow(store.spec, is_alone=len(self._stores) == 1)
        watched.add(features)
        watched.warn(lambda: len(np.unique(self.digests, axis=0)))
        return normalized(features) if self.is_normalized else features

    def view(self, kind: int = 0) -> FeatureView:
        """Return the same as `gather`, read from the store only where it is indexed: for more than memory holds."""
        store = self._stores[kind]
        return store.view(self._rows(store), normalize=self.is_normalized)

    def _rows(self, store: FeatureStore) -> NDArray[np.int64]:
        rows = store.find(self.digests)
        if np.any(rows < 0):
            raise ExtractionError(f"{int((rows < 0).sum())} texts are missing from the store; run the command again")
        return rows

    @property
    def encode_seconds(self) -> float:
        """Seconds that encoding all of the texts once takes, reused ones as long as they took.

        Each `long` takes a pass of its own.
        """
        return sum(self.seconds_by_long.values())

    @property
    def seconds_by_long(self) -> dict[Long, float]:
        """The same for each way to read long texts.

        All layers and poolings come from one pass, so the largest of their times is the time of all.
        """
        seconds: dict[Long, float] = {}
        for store in self._stores:
            own, long = store.encode_seconds(store.find(self.digests)), store.spec.long
            seconds[long] = max(own, seconds.get(long, 0.0))
        return seconds


def joined(parts: Sequence[Encoded]) -> Encoded:
    """Return one `Encoded` with the kinds of all `parts`, which are of the same texts."""
    stores = [store for part in parts for store in part._stores]
    return replace(parts[0], counts=added([part.counts for part in parts]), _stores=stores)


def added(parts: Sequence[Counts]) -> Counts:
    """Return the sums of all counts."""
    return Counts(**{f.name: sum(getattr(part, f.name) for part in parts) for f in fields(Counts)})
