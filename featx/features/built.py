"""Checkpoints that featx builds in the cache: complete or absent, known by their content, built again when damaged."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from featx.errors import CheckpointError
from featx.features.checkpoint_files import digest_files

#: What each file of the folder held when it was built; no part of the checkpoint.
_RECORD = "built.json"


def built_folder(folder: Path, build: Callable[[Path], None], what: str) -> Path:
    """Return `folder` as `build` made it, built now unless it is there and whole.

    Parameters
    ----------
    folder : Path
        Its parent is made where it is missing.
    build : callable
        Writes the checkpoint into the empty folder that it is given.
    what : str
        What is built, for messages.

    Raises
    ------
    CheckpointError
        If it cannot be written.
    """
    if _is_whole(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name[:20]}-", dir=folder.parent))
        try:
            build(made)
            (made / _RECORD).write_text(json.dumps(_digests(made), indent=1, sort_keys=True) + "\n")
            made.chmod(0o755)
            _put(made, folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as e:
        if not _is_whole(folder):  # another process may have been first
            raise CheckpointError(f"{what} cannot be written to {folder}: {e.strerror or e}") from e
    return folder


def _put(made: Path, folder: Path) -> None:
    """Put `made` in the place of `folder`; a damaged one is moved away first and removed."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        damaged = Path(tempfile.mkdtemp(prefix=".damaged-", dir=folder.parent))
        try:
            os.rename(folder, damaged / folder.name)  # noqa: PTH104 (says at once that another process was first)
        finally:
            shutil.rmtree(damaged, ignore_errors=True)
    os.rename(made, folder)  # noqa: PTH104


def _digests(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.iterdir() if path.name != _RECORD)
    return {path.name: digest_files(folder, [path])[0] for path in paths}


def _is_whole(folder: Path) -> bool:
    """Return whether every file of `folder` holds what it held when it was built, and there are no others."""
    try:
        recorded = json.loads((folder / _RECORD).read_text())
        return bool(recorded) and bool(recorded == _digests(folder))
    except (OSError, ValueError, RecursionError):
        return False
