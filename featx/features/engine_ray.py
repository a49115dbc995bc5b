"""Extraction by the workers of a Ray cluster: windows of texts out, counts back, features straight into the store.

The driver (this process) reads the texts, decides by their digests which ones the store lacks, and hands them out; it
never holds a feature, nor a weight. Workers are actors that write shards into the same cache folder, which every node
must reach under one path. Ray only schedules: a worker or node that is lost is replaced, and its windows are handed out
again. What a killed driver had committed is found by the next one.
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from featx.data import text_digests
from featx.errors import CheckpointError, ExtractionError, FeatxError, SettingsError, StoreError
from featx.features.checkpoint import find_checkpoint
from featx.features.device import thread_limit
from featx.features.encoder import Encoder, feature_specs, load_encoder
from featx.features.extraction import Counts, Encoded, Extractor, Progress
from featx.features.sources import strings
from featx.features.spec import FeatureSpec
from featx.features.store import FeatureStore
from featx.features.store.index import DigestIndex
from featx.features.store.token import leave_token, remove_token, sees_token
from featx.files import TEMPORARY_PREFIX
from featx.settings import CachePlace, Checkpoint, ComputeSettings, Device, Dtype, FeatureSettings, RaySettings

#: Windows that wait at a worker while it encodes one.
_AHEAD = 1
#: A window that so many workers were lost with is the cause.
_LOSSES = 4
#: Starts that may fail while no worker is at work.
_FAILED_STARTS = 8
#: Seconds without any worker after which the cluster is given up.
_PATIENCE_SECONDS = 600.0
#: Bytes of shared memory that a cluster on this machine gets: texts pass through it, features never do.
_OBJECT_STORE = 200 * 2**20


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
                "that every node reaches under the same path, or a place in an object store: give one with --cache-dir"
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
            raise StoreError(f"a worker cannot write to the cache folder {order.cache_dir}; give another --cache-dir")
        return WindowCounts(counts.encoded, counts.truncated, counts.tokens)


@dataclass
class _Task:
    """A window and how many workers were lost with it."""

    texts: list[str]
    losses: int = 0


@dataclass
class _Fleet:
    """Workers by state: starting, or at work on so many windows."""

    make: Callable[[], Any]
    starting: dict[Any, Any] = field(default_factory=dict)
    load: dict[Any, int] = field(default_factory=dict)
    under_way: dict[Any, tuple[Any, _Task]] = field(default_factory=dict)
    again: deque[_Task] = field(default_factory=deque)
    failed_starts: int = 0
    exhausted: bool = False

    @property
    def is_done(self) -> bool:
        """Whether all windows have come back."""
        return self.exhausted and not self.under_way and not self.again

    def start(self) -> None:
        """Ask for one more worker; it gets windows once it is ready."""
        worker = self.make()
        self.starting[worker.prepare.remote()] = worker

    def hand_out(self, tasks: Iterator[_Task]) -> None:
        """Give each worker windows until one waits at it."""
        while self.load:
            worker = min(self.load, key=self.load.__getitem__)
            if self.load[worker] > _AHEAD:
                return
            task = self.again.popleft() if self.again else next(tasks, None)
            if task is None:
                self.exhausted = True
                return
            self.load[worker] += 1
            self.under_way[worker.encode.remote(task.texts)] = (worker, task)

    def lost(self, worker: Any) -> None:
        """A worker is gone: its windows are handed out again, and another is asked for."""
        if self.load.pop(worker, None) is None:
            return
        for reference, (owner, task) in list(self.under_way.items()):
            if owner is worker:
                del self.under_way[reference]
                self.again.append(task)
        self.start()


class _Driver:
    """Reads texts, hands out those that the store lacks, and counts."""

    def __init__(
        self,
        specs: list[FeatureSpec],
        hidden_size: int,
        cache_dir: CachePlace,
        window: int,
        report: Callable[[Progress], None],
    ) -> None:
        self._window = window
        self._specs, self._hidden_size, self._cache_dir, self._report = specs, hidden_size, cache_dir, report
        self._stores = self._open()
        self._handed_out = DigestIndex()
        self._digests: list[np.ndarray] = []
        self._counts = Counts()
        self._started = time.perf_counter()

    def _open(self) -> list[FeatureStore]:
        return [FeatureStore(self._cache_dir, spec, self._hidden_size) for spec in self._specs]

    def tasks(self, texts: Iterable[str]) -> Iterator[_Task]:
        """Windows of texts that the store lacks, each text once."""
        waiting: list[str] = []
        source = strings(texts)
        while chunk := list(itertools.islice(source, self._window)):
            digests = text_digests(chunk)
            self._digests.append(digests)
            self._counts.texts += len(chunk)
            missing = np.any([store.find(digests) < 0 for store in self._stores], axis=0)
            missing &= self._handed_out.find(digests) < 0
            rows = np.flatnonzero(missing)
            # Of texts that stand twice in the chunk the first.
            rows = rows[np.sort(np.unique(digests[rows], axis=0, return_index=True)[1])]
            self._handed_out.add(digests[rows])
            waiting += [chunk[row] for row in rows]
            while len(waiting) >= self._window:
                yield _Task(waiting[: self._window])
                waiting = waiting[self._window :]
        if waiting:
            yield _Task(waiting)

    def run(self, ray: Any, fleet: _Fleet, tasks: Iterator[_Task]) -> str | None:
        """Hand out all of `tasks`; the device of workers that became ready meanwhile."""
        device = None
        fleet.exhausted = False
        seen = time.monotonic()
        while True:
            fleet.hand_out(tasks)
            if fleet.is_done:
                return device
            done, _ = ray.wait([*fleet.under_way, *fleet.starting], num_returns=1, timeout=5.0)
            for reference in done:
                device = self._take(ray, fleet, reference) or device
            if fleet.load or done:
                seen = time.monotonic()
            elif time.monotonic() - seen > _PATIENCE_SECONDS:
                raise ExtractionError(
                    f"for {_PATIENCE_SECONDS:.0f} seconds no node of the Ray cluster had room for a worker; what was "
                    "committed is kept: the same command goes on from there"
                )

    def _take(self, ray: Any, fleet: _Fleet, reference: Any) -> str | None:
        """What has come back: a worker that is ready (its device), a window's counts, or the news of a loss."""
        try:
            result = ray.get(reference)
        except ray.exceptions.RayTaskError as e:
            raise _cause(e) from e
        except ray.exceptions.RayError as e:
            self._lost(fleet, reference, e)
            return None
        if reference in fleet.starting:
            if not fleet.load and not self._counts.encoded:
                self._started = time.perf_counter()
            fleet.load[fleet.starting.pop(reference)] = fleet.failed_starts = 0
            return str(result)
        if reference in fleet.under_way:
            worker, _ = fleet.under_way.pop(reference)
            fleet.load[worker] -= 1
            self._counts.encoded += result.encoded
            self._counts.truncated += result.truncated
            self._counts.tokens += result.tokens
            self._report(Progress(self._counts, time.perf_counter() - self._started))
        return None

    def _lost(self, fleet: _Fleet, reference: Any, error: Exception) -> None:
        if reference in fleet.starting:
            fleet.failed_starts += 1
            if fleet.failed_starts > _FAILED_STARTS and not fleet.load:
                first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise ExtractionError(
                    f"workers cannot be started on the Ray cluster ({first_line}); is featx installed, in this "
                    "version, on every node?"
                ) from error
            del fleet.starting[reference]
            fleet.start()
        elif reference in fleet.under_way:
            worker, task = fleet.under_way[reference]
            task.losses += 1
            if task.losses >= _LOSSES:
                raise ExtractionError(
                    f"{task.losses} workers were lost with the same window of {len(task.texts)} texts, the first "
                    f"{task.texts[0][:60]!r}: give workers more memory, or lower --batch-tokens or --max-length"
                ) from error
            fleet.lost(worker)

    def encoded(self) -> Encoded:
        """All texts, whose features are looked up anew in the store."""
        self._counts.reused = self._counts.texts - self._counts.encoded
        self._counts.extract_seconds = time.perf_counter() - self._started
        self._report(Progress(self._counts, self._counts.extract_seconds))
        digests = np.concatenate(self._digests) if self._digests else np.empty((0, 2), np.uint64)
        return Encoded(digests, self._counts, self._open())


def _cause(error: Any) -> FeatxError:
    """What a worker raised, as itself where it is featx's own."""
    cause = error.cause
    if isinstance(cause, FeatxError):
        return cause
    return ExtractionError(f"a worker failed: {type(cause).__name__}: {' '.join(str(cause).split())[:300]}")


def _size(ray: Any, compute: ComputeSettings, settings: RaySettings) -> tuple[dict[str, float], int]:
    """What a worker takes, and how many there are to be: one a GPU, or `cpus` CPUs each."""
    there = ray.cluster_resources()
    gpus = int(there.get("GPU", 0))
    if compute.device is Device.CUDA or (compute.device is Device.AUTO and gpus):
        resources, room = {"num_cpus": 0.0, "num_gpus": 1.0}, gpus
    else:
        resources, room = (
            {"num_cpus": float(settings.ray_cpus), "num_gpus": 0.0},
            int(there.get("CPU", 0) // settings.ray_cpus),
        )
    if not room:
        raise SettingsError(
            f"the Ray cluster has {there.get('CPU', 0):g} CPUs and {gpus} GPUs, too few for one worker ({resources}); "
            "lower --ray-cpus, or change --device"
        )
    return resources, min(settings.ray_workers or room, room)


class RayEngine:
    """Brings texts into the store of a cache folder by the workers of a Ray cluster; a context manager.

    The cluster is joined, and workers are started, when the first text is lacking; they stay for later calls.

    Parameters
    ----------
    checkpoint : Checkpoint
        On every node the same.
    features : FeatureSettings
    compute : ComputeSettings
        `device` is the workers'; `threads` each worker's, `RaySettings.ray_cpus` when None.
    cache_dir : Path or CacheUrl
        A folder that every node reaches under the same path, or a place in an object store.
    settings : RaySettings, optional

    Attributes
    ----------
    specs : list of FeatureSpec
    hidden_size : int
    device : str
        What workers compute on; ``none`` while there are none.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        features: FeatureSettings,
        compute: ComputeSettings,
        cache_dir: CachePlace,
        settings: RaySettings | None = None,
    ) -> None:
        # On this machine for the names of the features only: it may lack the workers' device.
        encoder = load_encoder(checkpoint, replace(features, dtype=Dtype.FLOAT32), ComputeSettings(Device.CPU))
        self.specs: list[FeatureSpec] = feature_specs(encoder, checkpoint, features)
        self.hidden_size = encoder.hidden_size
        self.device = "none"
        self._settings = settings or RaySettings()
        compute = replace(compute, threads=compute.threads or self._settings.ray_cpus)
        token = f"{TEMPORARY_PREFIX}{os.getpid()}-ray-{uuid.uuid4().hex}"
        self._order = Order(checkpoint, features, compute, cache_dir, token)
        self._stack = ExitStack()
        self._started: tuple[Any, _Fleet] | None = None

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self._started = None
        self._stack.close()

    def encode(self, texts: Iterable[str], on_progress: Callable[[Progress], None] | None = None) -> Encoded:
        """Bring all `texts` into the store.

        Parameters
        ----------
        texts : iterable of str
            Read once, as workers become free.
        on_progress : callable, optional
            Called after each window.

        Returns
        -------
        Encoded
            Its `extract_seconds` run from the first ready worker.

        Raises
        ------
        SettingsError
            If Ray is not installed, the cluster cannot be reached, or no node could ever take a worker.
        ExtractionError
            If the cluster is lost, or with the same window several workers are; what was committed stays.
        FeatxError
            What a worker raised.
        """
        report = on_progress or (lambda progress: None)
        driver = _Driver(self.specs, self.hidden_size, self._order.cache_dir, self._settings.ray_window, report)
        tasks = driver.tasks(texts)
        first = next(tasks, None)
        if first is not None:
            ray, fleet = self._started or self._start()
            with _losses(ray):
                self.device = driver.run(ray, fleet, itertools.chain([first], tasks)) or self.device
        return driver.encoded()

    def _start(self) -> tuple[Any, _Fleet]:
        order = self._order
        try:
            leave_token(order.cache_dir, order.token)
        except OSError as e:
            raise StoreError(
                f"the cache folder {order.cache_dir} cannot be written ({e.strerror or e}), but workers keep features "
                "nowhere else; choose another --cache-dir"
            ) from e
        self._stack.callback(remove_token, order.cache_dir, order.token)
        ray = self._stack.enter_context(_cluster(self._settings))
        resources, workers = _size(ray, order.compute, self._settings)
        # Ray's own restarts are off: a worker that waits for room would keep its windows from the others.
        actor = ray.remote(**resources, max_restarts=0, max_task_retries=0)(Worker)
        fleet = _Fleet(lambda: actor.remote(order))
        for _ in range(workers):
            fleet.start()
        self._started = ray, fleet
        return self._started


@contextmanager
def _losses(ray: Any) -> Iterator[None]:
    """What Ray itself raises becomes an error of ours."""
    try:
        yield
    except ray.exceptions.RayError as e:
        raise ExtractionError(
            f"the Ray cluster is lost: {(str(e).strip().splitlines() or [type(e).__name__])[0]}; what was committed is "
            "kept: the same command goes on from there"
        ) from e


@contextmanager
def _cluster(settings: RaySettings) -> Iterator[Any]:
    """The module ``ray``, connected; disconnected again unless it was connected before.

    Raises
    ------
    SettingsError
        If Ray is not installed or the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as e:
        raise SettingsError("--engine is 'ray', which is not installed; pip install 'featx[ray]'") from e
    was_there = ray.is_initialized()
    try:
        if was_there:
            yield ray
        else:
            _connect(ray, settings.ray_address)
            with redirect_stdout(_WithoutRemarks(sys.stdout)):
                yield ray
    finally:
        if not was_there:
            with suppress(Exception):  # a cluster that is lost cannot be left
                ray.shutdown()


class _WithoutRemarks:
    """Standard output without what Ray's threads print on it, which goes to the log: results stand there alone."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or log what comes from one of Ray's own threads."""
        if not threading.current_thread().name.startswith("ray_"):
            return int(self._stream.write(text))
        if text.strip():
            logging.getLogger("featx.ray").info(text.strip())
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _connect(ray: Any, address: str | None) -> None:
    common = {"log_to_driver": False, "logging_level": "error"}
    try:
        if address is None:
            ray.init(address="local", include_dashboard=False, object_store_memory=_OBJECT_STORE, **common)
        else:
            ray.init(address=address, **common)
    except (ConnectionError, ValueError, RuntimeError, OSError) as e:
        first_line = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise SettingsError(
            f"--ray-address is {address!r}, but no cluster answers there ({first_line}); start one with `ray start`, "
            "or leave the option out for one on this machine"
        ) from e
