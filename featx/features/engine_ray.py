"""Extraction by the workers of a Ray cluster: windows of texts out, counts back, features straight into the store.

The driver (this process) reads the texts, plans windows of those that the store lacks, and hands them out; it never
holds a feature, nor a weight. Workers are actors that write shards into the same cache folder, which every node must
reach under one path. A worker or node that is lost is replaced, and its windows are handed out again. What a killed
driver had committed is found by the next one.
"""

from __future__ import annotations

import itertools
import os
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from featx.errors import SettingsError, StoreError
from featx.features.encoder import feature_specs, load_encoder
from featx.features.extraction import Counts, Encoded, Progress
from featx.features.native_types import with_type
from featx.features.ray_cluster import cluster, cluster_errors, worker_room
from featx.features.ray_fleet import Fleet
from featx.features.ray_worker import Order, Worker
from featx.features.resolving import resolve_features
from featx.features.spec import FeatureSpec
from featx.features.store import FeatureStore
from featx.features.store.token import leave_token, remove_token
from featx.features.windows import WindowPlanner
from featx.files import TEMPORARY_PREFIX
from featx.settings import (
    CachePlace,
    Checkpoint,
    ComputeSettings,
    Device,
    Dtype,
    FeatureSettings,
    RaySettings,
    one_long,
)


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
    features : FeatureSettings
        Resolved.
    hidden_size : int

    Raises
    ------
    SettingsError
        If there is no `cache_dir`.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        features: FeatureSettings,
        compute: ComputeSettings,
        cache_dir: CachePlace | None,
        settings: RaySettings | None = None,
    ) -> None:
        if cache_dir is None:
            raise SettingsError("Ray's workers keep features in the cache only; give a `cache_dir`", "cache_dir")
        features = with_type(features, compute, settings or RaySettings())
        # On this machine for the names of the features only: it may lack the workers' device.
        encoder = load_encoder(checkpoint, replace(features, dtype=Dtype.FLOAT32), ComputeSettings(Device.CPU))
        self.features = features = resolve_features(checkpoint, features, encoder.config)
        one_long(features.long)
        self.specs: list[FeatureSpec] = feature_specs(encoder, checkpoint, features)
        self.hidden_size = encoder.hidden_size
        self._settings = settings or RaySettings()
        compute = replace(compute, threads=compute.threads or self._settings.ray_cpus)
        shared = cache_dir.absolute() if isinstance(cache_dir, Path) else cache_dir
        token = f"{TEMPORARY_PREFIX}{os.getpid()}-ray-{uuid.uuid4().hex}"
        self._order = Order(checkpoint, features, compute, shared, token)
        self._stack = ExitStack()
        self._started: tuple[Any, Fleet] | None = None

    @property
    def device(self) -> str:
        """What workers compute on; ``none`` while there are none."""
        return self._started[1].device if self._started else "none"

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(self, *error: object) -> None:
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
        counts, begun = Counts(), time.perf_counter()
        planner = WindowPlanner(self._stores(), self._settings.ray_window, remember=None)
        windows = (window.texts for window in planner.windows(texts))
        first = next(windows, None)
        if first is not None:
            ray, fleet = self._started or self._start()
            with cluster_errors(ray):
                for done in fleet.encode(itertools.chain([first], windows)):
                    begun = max(begun, fleet.ready_at)
                    counts.texts = planner.n_texts
                    counts.encoded += done.encoded
                    counts.truncated += done.truncated
                    counts.tokens += done.tokens
                    report(Progress(counts, time.perf_counter() - begun))
        counts.texts = planner.n_texts
        counts.reused = counts.texts - counts.encoded
        counts.extract_seconds = time.perf_counter() - begun
        report(Progress(counts, counts.extract_seconds))
        return Encoded(
            planner.digests, counts, self._stores(), bool(self.features.normalize)
        )  # opened anew: what workers wrote is in them

    def _stores(self) -> list[FeatureStore]:
        return [FeatureStore(self._order.cache_dir, spec, self.hidden_size) for spec in self.specs]

    def _start(self) -> tuple[Any, Fleet]:
        order = self._order
        try:
            leave_token(order.cache_dir, order.token)
        except OSError as e:
            raise StoreError(
                f"the cache folder {order.cache_dir} cannot be written ({e.strerror or e}), but workers keep features "
                "nowhere else; choose another `cache_dir`"
            ) from e
        self._stack.callback(remove_token, order.cache_dir, order.token)
        ray = self._stack.enter_context(cluster(self._settings))
        resources, workers = worker_room(ray, order.compute, self._settings)
        actor = ray.remote(**resources, max_restarts=0, max_task_retries=0)(Worker)
        fleet = Fleet(ray, lambda: actor.remote(order))
        for _ in range(workers):
            fleet.start()
        self._started = ray, fleet
        return self._started
