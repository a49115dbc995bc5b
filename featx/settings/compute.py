"""How the work is done: nothing here changes what a feature or a result is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from featx.settings.base import Settings
from featx.settings.choices import Device, Engine
from featx.settings.declare import setting


@dataclass(frozen=True)
class ComputeSettings(Settings, table="compute", heading="Computing"):
    """How the work is done; changes no result."""

    device: Annotated[Device, setting("Where models compute.")] = Device.AUTO
    batch_tokens: Annotated[
        int | None,
        setting("Tokens of a batch, padding included.", unset="by device and width", example=4096, ge=1),
    ] = None
    threads: Annotated[
        int | None,
        setting("Threads of torch, tokenizers and BLAS.", unset="library default", example=4, ge=1),
    ] = None


@dataclass(frozen=True)
class RaySettings(Settings, table="ray", heading="Ray"):
    """Who encodes, and how the workers of a Ray cluster are used; changes no result."""

    engine: Annotated[Engine, setting("Who encodes: this process, or the workers of a Ray cluster.")] = Engine.LOCAL
    ray_address: Annotated[
        str | None,
        setting(
            "Ray cluster, such as auto or HOST:6379.",
            unset="one on this machine",
            example="auto",
        ),
    ] = None
    ray_workers: Annotated[
        int | None,
        setting(
            "Workers of Ray.",
            unset="one a GPU, or as many as the CPUs allow",
            example=2,
            ge=1,
        ),
    ] = None
    ray_cpus: Annotated[
        int,
        setting(
            "CPUs of a Ray worker without a GPU.",
            ge=1,
        ),
    ] = 1
    ray_window: Annotated[
        int,
        setting(
            "Texts handed to a Ray worker at once: one shard of the store, lost with the worker.",
            ge=1,
        ),
    ] = 4_096
