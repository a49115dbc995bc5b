"""Which type of arithmetic is fastest on a device: by what it has units for, and by products timed on the spot.

A processor may list instructions for a type and still be slower with them than in float32, so that a CPU is timed; a
GPU is not. May import ``errors`` and ``settings``.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from featx.errors import FeatxWarning, SettingsError
from featx.features.device import find_device
from featx.features.packed import has_bfloat16_products, has_matrix_tiles
from featx.settings import ComputeSettings, Dtype, Engine, FeatureSettings, FinetuneSettings, RaySettings

if TYPE_CHECKING:
    import torch

#: Rows and products of a measurement: a few milliseconds together, unless the type is slow.
_ROWS, _PRODUCTS = 128, 5
#: Width of the matrices by which `Dtype.AUTO` is decided, so that it is the same for every model.
WIDTH = 768
#: CUDA devices from this compute capability on (Ampere) have units for bfloat16.
_BFLOAT16_CAPABILITY = (8, 0)

_S = TypeVar("_S", FeatureSettings, FinetuneSettings)
#: Types and devices that a remark was made on in this session.
_told: set[tuple[Dtype, str]] = set()


def with_type(settings: _S, compute: ComputeSettings, ray: RaySettings | None = None) -> _S:
    """Return `settings` with `Dtype.AUTO` as the type that it stands for where `compute` computes.

    Raises
    ------
    SettingsError
        If that is elsewhere: which types are fast there is not known here.
    """
    if settings.dtype is not Dtype.AUTO:
        return settings
    if ray is not None and ray.engine is Engine.RAY and ray.ray_address is not None:
        raise SettingsError(
            "`dtype` is 'auto', but which types the workers of another Ray cluster compute natively is not known here; "
            "name one: float32, bfloat16 or float16",
            "dtype",
        )
    return replace(settings, dtype=fastest_type(find_device(compute.device)))


def fastest_type(device: torch.device) -> Dtype:
    """Return the fastest type that `device` computes natively.

    CUDA: bfloat16 from compute capability 8.0 on, else float16. CPU: bfloat16 where there are instructions for it that
    are faster than float32. MPS: float32, since Apple's GPUs multiply float16 at hardly another rate, and it overflows.
    """
    if device.type == "cuda":
        return Dtype.BFLOAT16 if is_native(Dtype.BFLOAT16, device) else Dtype.FLOAT16
    if device.type == "cpu" and is_native(Dtype.BFLOAT16, device) and speed(Dtype.BFLOAT16, device, WIDTH) > 1:
        return Dtype.BFLOAT16
    return Dtype.FLOAT32


def is_native(dtype: Dtype, device: torch.device) -> bool:
    """Return whether `device` has units, or instructions, for products of `dtype`; of MPS nothing is known."""
    import torch

    if dtype is Dtype.FLOAT32:
        return True
    if device.type == "cuda":
        return dtype is Dtype.FLOAT16 or torch.cuda.get_device_capability(device) >= _BFLOAT16_CAPABILITY
    return device.type == "cpu" and dtype is Dtype.BFLOAT16 and (has_matrix_tiles() or has_bfloat16_products())


@cache
def speed(dtype: Dtype, device: torch.device, width: int) -> float:
    """Return how many times as fast as in float32 matrices of `width` are multiplied in `dtype`, timed now."""
    import torch
    from torch.nn.functional import linear

    def product(kind: torch.dtype) -> Callable[[], object]:
        rows, weights = (torch.full((n, width), 0.5, dtype=kind, device=device) for n in (_ROWS, width))
        return lambda: linear(rows, weights)

    products = [product(kind) for kind in (torch.float32, getattr(torch, dtype.value))]
    seconds = [float("inf")] * len(products)
    with torch.inference_mode():
        for run in products:  # the first product of each kind also chooses and builds its kernel
            run()
        for _ in range(_PRODUCTS):
            for k, run in enumerate(products):
                seconds[k] = min(seconds[k], _timed(run, device))
    return seconds[0] / seconds[1]


def _timed(run: Callable[[], object], device: torch.device) -> float:
    import torch

    wait = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(device.type, lambda: None)
    wait()
    started = time.perf_counter()
    run()
    wait()
    return max(time.perf_counter() - started, 1e-9)


def tell_if_slow(dtype: Dtype, device: torch.device, width: int) -> None:
    """Warn, once a session, of a type in which `device` computes slower than in float32, with the measured ratio.

    Parameters
    ----------
    dtype : Dtype
    device : torch.device
    width : int
        Of the model.

    Warns
    -----
    FeatxWarning
    """
    if dtype is Dtype.FLOAT32 or (dtype, device.type) in _told or (device.type == "cuda" and is_native(dtype, device)):
        return
    _told.add((dtype, device.type))
    ratio = speed(dtype, device, width)
    if ratio >= 1:
        return
    why = "has slow units for" if is_native(dtype, device) else "only emulates"
    warnings.warn(
        f"`dtype` is '{dtype.value}', which this {device.type} {why}: products of the model's width ({width}) take "
        f"{1 / ratio:.1f} times as long as in float32, measured now; give `dtype` float32, or auto for the fastest",
        FeatxWarning,
        stacklevel=2,
    )
