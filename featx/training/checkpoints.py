"""Checkpoints of a training: folders that are complete or absent, without a pickle.

A checkpoint ``step-<n>`` holds safetensors and JSON. It is built under a hidden name; ``complete.json``, written last,
has size and sha256 of every other file; then the folder is renamed. A reader takes the newest one whose files are what
that marker says. The Trainer's own checkpoints are written in place and hold a pickle, so none is ever made.
May import ``errors`` and ``files``.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from featx.errors import TrainingError
from featx.files import TEMPORARY_PREFIX, whole_folder

MARKER = "complete.json"
STATE = "state.json"
_FORMAT = 2
_NAME = re.compile(r"step-(\d{8})")
_BLOCK = 1 << 20
_ANEW = "switch `resume` off to start anew"


@dataclass(frozen=True)
class Saved:
    """A checkpoint that is known to be whole.

    Attributes
    ----------
    folder : Path
    step : int
    state : dict
        All that is no tensor.
    """

    folder: Path
    step: int
    state: dict[str, Any]

    def tensors(self, name: str) -> dict[str, Any]:
        """Return the tensors that were stored under `name`, on the CPU.

        Raises
        ------
        TrainingError
            If they cannot be read.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = self.folder / f"{name}.safetensors"
        try:
            loaded: dict[str, Any] = load_file(path)
        except (OSError, SafetensorError) as e:
            raise TrainingError(f"{path} cannot be read ({e}); {_ANEW}") from e
        return loaded

    @contextmanager
    def used(self) -> Iterator[None]:
        """Turn what goes wrong with a state that is whole, but not what this training needs, into one line.

        Raises
        ------
        TrainingError
        """
        try:
            yield
        except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as e:
            first_line = (str(e).strip().splitlines() or [type(e).__name__])[0]
            raise TrainingError(
                f"{self.folder} does not fit this training ({type(e).__name__}: {first_line}); {_ANEW}"
            ) from e


def write_checkpoint(
    folder: Path,
    step: int,
    tensors: Mapping[str, Mapping[str, Any]],
    state: Mapping[str, Any],
    extra: Callable[[Path], None] | None = None,
) -> Path:
    """Write the checkpoint of a step into `folder`; afterwards it is there and complete, or not at all.

    Parameters
    ----------
    folder : Path
        Holds all checkpoints of one training; made if need be.
    step : int
    tensors : mapping of str to mapping of str to Tensor
        One file for each name.
    state : mapping
        Ready for JSON.
    extra : callable, optional
        Writes further files into the folder that it is given.

    Raises
    ------
    TrainingError
        If it cannot be written; names what and why. Other checkpoints are left alone.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    final = folder / f"step-{step:08d}"
    path = final
    try:
        with whole_folder(final) as building:
            for name, content in tensors.items():
                path = final / f"{name}.safetensors"
                save_file(dict(content), building / path.name)
            path = final / STATE
            (building / STATE).write_text(json.dumps({"format": _FORMAT, **state}), "utf-8")
            path = final
            if extra is not None:
                extra(building)
            built = sorted(building.iterdir())
            files = {file.name: {"bytes": file.stat().st_size, "sha256": _digest(file)} for file in built}
            path = final / MARKER
            (building / MARKER).write_text(json.dumps(files), "utf-8")
    except (OSError, SafetensorError) as e:
        reason = getattr(e, "strerror", None) or e
        raise TrainingError(
            f"the checkpoint of step {step} cannot be written: {path}: {reason}; earlier checkpoints are whole: free "
            "space or choose another folder of `results`, and the same command goes on from the last one; "
            "`save_strategy` no writes none"
        ) from e
    return final


def last_complete(folder: Path) -> tuple[Saved | None, list[str]]:
    """Return the newest checkpoint in `folder` that is whole, and the names of newer ones that are not."""
    damaged: list[str] = []
    for step, path in _by_step(folder):
        state = _checked(path)
        if state is not None:
            return Saved(path, step, state), damaged
        damaged.append(path.name)
    return None, damaged


def keep_newest(folder: Path, limit: int) -> None:
    """Remove all checkpoints but the newest `limit`, and what an ended process left half built."""
    for _, path in _by_step(folder)[limit:]:
        shutil.rmtree(path, ignore_errors=True)
    for path in [*folder.glob(f"{TEMPORARY_PREFIX}*"), *folder.glob(".step-*")]:  # the latter by version 0.1
        shutil.rmtree(path, ignore_errors=True)


def _by_step(folder: Path) -> list[tuple[int, Path]]:
    """Return the checkpoints, the newest first."""
    found = [(match, path) for path in folder.glob("step-*") if (match := _NAME.fullmatch(path.name))]
    return sorted(((int(match[1]), path) for match, path in found), reverse=True)


def _checked(folder: Path) -> dict[str, Any] | None:
    """Return the state of a checkpoint whose files all are what the marker says; None for any other."""
    try:
        files = json.loads((folder / MARKER).read_text("utf-8"))
        for name, facts in files.items():
            path = folder / name
            if path.parent != folder or path.stat().st_size != facts["bytes"] or _digest(path) != facts["sha256"]:
                return None
        state = json.loads((folder / STATE).read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return state if STATE in files and isinstance(state, dict) and state.get("format") == _FORMAT else None


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
