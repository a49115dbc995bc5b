"""Device, type and threads: where and how an encoder computes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from featx.errors import SettingsError
from featx.settings import Device, Dtype

if TYPE_CHECKING:
    import torch


def find_device(device: Device) -> torch.device:
    """Return the torch device that `device` stands for.

    Raises
    ------
    SettingsError
        If it is asked for by name and not there.
    """
    import torch

    there = {
        Device.CUDA: torch.cuda.is_available(),
        Device.MPS: torch.backends.mps.is_available(),
        Device.CPU: True,
    }
    if device is Device.AUTO:
        return torch.device(next(kind for kind in there if there[kind]).value)
    if not there[device]:
        usable = ", ".join(kind.value for kind in there if there[kind])
        raise SettingsError(f"`device` is {device.value!r}, which torch does not find here; usable: {usable}", "device")
    return torch.device(device.value)


def torch_dtype(dtype: Dtype, device: torch.device) -> torch.dtype:
    """Return the torch type of `dtype`.

    Raises
    ------
    SettingsError
        For float16 on a CPU, which has no fast arithmetic for it.
    """
    import torch

    if dtype is Dtype.FLOAT16 and device.type == "cpu":
        raise SettingsError(
            "`dtype` is 'float16', which a CPU computes slowly and inexactly; use bfloat16 or float32", "dtype"
        )
    return {Dtype.FLOAT32: torch.float32, Dtype.BFLOAT16: torch.bfloat16, Dtype.FLOAT16: torch.float16}[dtype]


@contextmanager
def thread_limit(threads: int | None) -> Iterator[None]:
    """Bound torch, the tokenizers and BLAS to `threads` threads each; None changes nothing.

    Notes
    -----
    The tokenizers read their bound when they start their first thread; a later, other bound does not reach them.
    """
    if threads is None:
        yield
        return
    if threads < 1:
        raise SettingsError(f"`threads` is {threads}; expected 1 or more", "threads")
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)
