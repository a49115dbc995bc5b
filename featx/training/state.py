"""Optimiser, schedule and random generators as tensors and plain numbers, and back. Imports nothing of featx."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from featx.training.processes import gathered, rank

#: Entries of a parameter group that are tuples, which JSON turns into lists.
_PAIRS = ("betas", "eps")


def optimizer_state(optimizer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tensors by ``<parameter>.<name>``, and the rest of the state, ready for JSON."""
    whole = optimizer.state_dict()
    tensors, numbers = {}, {}
    for parameter, values in whole["state"].items():
        for name, value in values.items():
            if hasattr(value, "detach"):
                tensors[f"{parameter}.{name}"] = value.detach().cpu().contiguous()
            else:
                numbers[f"{parameter}.{name}"] = value
    return tensors, {"numbers": numbers, "param_groups": whole["param_groups"]}


def put_optimizer_state(optimizer: Any, tensors: dict[str, Any], facts: dict[str, Any]) -> None:
    """Give an optimiser over the same parameters the state of `optimizer_state`."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in (tensors | facts["numbers"]).items():
        parameter, _, name = key.partition(".")
        state.setdefault(int(parameter), {})[name] = value
    groups = [
        {name: tuple(value) if name in _PAIRS and isinstance(value, list) else value for name, value in group.items()}
        for group in facts["param_groups"]
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def random_state(device: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Generators of torch in each process, as tensors by ``<kind>.<rank>``; those of Python and numpy, for JSON."""
    import torch

    tensors = {f"cpu.{k}": state for k, state in enumerate(gathered(torch.random.get_rng_state(), device))}
    if device.type == "cuda":
        states = gathered(torch.cuda.get_rng_state(device), device)
        tensors |= {f"cuda.{k}": state for k, state in enumerate(states)}
    legacy = np.random.get_state(legacy=True)  # noqa: NPY002 (what libraries draw from)
    numbers = [part.tolist() if hasattr(part, "tolist") else part for part in legacy]
    return tensors, {"python": random.getstate(), "numpy": numbers}


def put_random_state(tensors: dict[str, Any], facts: dict[str, Any], device: Any) -> None:
    """Set the generators of this process to what `random_state` found."""
    import torch

    torch.random.set_rng_state(tensors[f"cpu.{rank()}"])
    if device.type == "cuda" and f"cuda.{rank()}" in tensors:
        torch.cuda.set_rng_state(tensors[f"cuda.{rank()}"], device)
    version, words, gauss = facts["python"]
    random.setstate((version, tuple(words), gauss))
    kind, keys, *rest = facts["numpy"]
    np.random.set_state((kind, np.asarray(keys, np.uint32), *rest))  # noqa: NPY002
