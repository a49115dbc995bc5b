"""One of several training processes: which one this is, and what all of them agree on.

``torchrun`` and ``accelerate launch`` start the processes and tell them so by the environment. Imports nothing of
featx.
"""

from __future__ import annotations

import os
from typing import Any


def rank() -> int:
    """Position of this process among the training processes; 0 when there is one."""
    return int(os.environ.get("RANK", "0")) if world_size() > 1 else 0


def world_size() -> int:
    """Return how many processes train together."""
    stated = os.environ.get("WORLD_SIZE", "1")
    return int(stated) if stated.isdigit() and os.environ.get("LOCAL_RANK") is not None else 1


def is_first() -> bool:
    """Return whether this process is the one that writes files and output."""
    return rank() == 0


def summed(tensor: Any) -> Any:
    """Return `tensor` added up over all processes, in each of them."""
    if world_size() > 1:
        import torch.distributed

        torch.distributed.all_reduce(tensor)
    return tensor


def any_of(flag: bool, device: Any) -> bool:
    """Return whether `flag` is set in any process: signals reach them at different steps, all stop at the same."""
    if world_size() == 1:
        return flag
    import torch

    return bool(summed(torch.tensor(float(flag), device=device)).item())


def gathered(tensor: Any, device: Any) -> list[Any]:
    """Return `tensor` of each process, by rank, on the CPU; all must have one shape."""
    if world_size() == 1:
        return [tensor]
    import torch

    mine = tensor.to(device)
    parts = [torch.empty_like(mine) for _ in range(world_size())]
    torch.distributed.all_gather(parts, mine)
    return [part.cpu() for part in parts]


def wait_for_all() -> None:
    """Return once every process has come here."""
    if world_size() > 1:
        import torch.distributed

        torch.distributed.barrier()


def leave() -> None:
    """End the process group of torch.distributed, if there is one."""
    if world_size() > 1:
        import torch.distributed

        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
