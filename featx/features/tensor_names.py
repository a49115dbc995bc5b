"""Whether the names of a file's tensors are each one tensor's, once the prefixes of wrappers are taken off."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from featx.errors import CheckpointError
from featx.settings import Checkpoint


def check_names(checkpoint: Checkpoint, base: str, prefixes: re.Pattern[str]) -> None:
    """Check that no two tensors with other values come to the same name.

    A file that was saved twice into, or merged from two, holds ``encoder.x`` and ``module.encoder.x``: which one is
    loaded is chance.

    Parameters
    ----------
    checkpoint : Checkpoint
    base : str
        Name of the encoder in models with a head, as ``bert``.
    prefixes : re.Pattern
        Prefixes of wrappers.

    Raises
    ------
    CheckpointError
        Names the first pair.
    """
    import torch
    from safetensors import safe_open

    places: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for path in _weight_files(checkpoint):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 (no mapping)
                places[prefixes.sub("", name).removeprefix(f"{base}.")].append((path, name))
    for doubled in (found for found in places.values() if len(found) > 1):
        tensors = []
        for path, name in doubled:
            with safe_open(path, "pt") as file:
                tensors.append(file.get_tensor(name))
        if not all(torch.equal(tensors[0], tensor) for tensor in tensors[1:]):
            names = " and ".join(repr(name) for _, name in doubled[:2])
            raise CheckpointError(
                f"checkpoint {checkpoint.name!r}: {names} are one tensor under two names, with different values; "
                "which is right cannot be told: save the encoder anew with save_pretrained"
            )


def _weight_files(checkpoint: Checkpoint) -> list[Path]:
    """Return the files that Transformers reads weights from; none where the checkpoint is no folder of this machine."""
    folder = Path(checkpoint.path)
    whole = folder / "model.safetensors"
    return [whole] if whole.is_file() else sorted(folder.glob("model-*-of-*.safetensors"))
