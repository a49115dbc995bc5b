"""A connection to a Ray cluster, or a cluster on this machine. The only module that imports ray."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

from featx.errors import ExtractionError, SettingsError
from featx.features.ray_fleet import first_line
from featx.settings import ComputeSettings, Device, RaySettings

#: Bytes of shared memory that a cluster on this machine gets: texts pass through it, features never do.
_OBJECT_STORE = 200 * 2**20


@contextmanager
def cluster(settings: RaySettings) -> Iterator[Any]:
    """Yield the module ``ray``, connected; disconnected again unless it was connected before.

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
        raise SettingsError("`engine` is 'ray', which is not installed; pip install 'featx[ray]'", "engine") from e
    was_there = ray.is_initialized()
    try:
        if was_there:
            yield ray
        else:
            _connect(ray, settings.ray_address)
            with redirect_stdout(WithoutRemarks(sys.stdout)):
                yield ray
    finally:
        if not was_there:
            with suppress(Exception):  # a cluster that is lost cannot be left
                ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    common = {"log_to_driver": False, "logging_level": "error"}
    try:
        if address is None:
            ray.init(address="local", include_dashboard=False, object_store_memory=_OBJECT_STORE, **common)
        else:
            ray.init(address=address, **common)
    except (ConnectionError, ValueError, RuntimeError, OSError) as e:
        raise SettingsError(
            f"`ray_address` is {address!r}, but no cluster answers there ({first_line(e)}); start one with `ray "
            "start`, or leave it out for one on this machine",
            "ray_address",
        ) from e


class WithoutRemarks:
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


@contextmanager
def cluster_errors(ray: Any) -> Iterator[None]:
    """Turn what Ray itself raises into an error of ours."""
    try:
        yield
    except ray.exceptions.RayError as e:
        raise ExtractionError(
            f"the Ray cluster is lost: {first_line(e)}; what was committed is kept: the same command goes on from there"
        ) from e


def worker_room(ray: Any, compute: ComputeSettings, settings: RaySettings) -> tuple[dict[str, float], int]:
    """Return what a worker takes, and how many there are to be: one a GPU, or `ray_cpus` CPUs each.

    Raises
    ------
    SettingsError
        If no node could ever take a worker.
    """
    there = ray.cluster_resources()
    gpus = int(there.get("GPU", 0))
    if compute.device is Device.CUDA or (compute.device is Device.AUTO and gpus):
        resources, room = {"num_cpus": 0.0, "num_gpus": 1.0}, gpus
    else:
        cpus = settings.ray_cpus
        resources, room = {"num_cpus": float(cpus), "num_gpus": 0.0}, int(there.get("CPU", 0) // cpus)
    if not room:
        raise SettingsError(
            f"the Ray cluster has {there.get('CPU', 0):g} CPUs and {gpus} GPUs, too few for one worker ({resources}); "
            "lower `ray_cpus`, or change `device`",
            "ray_cpus",
        )
    return resources, min(settings.ray_workers or room, room)
