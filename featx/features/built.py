"""Checkpoints that featx builds in the cache: complete or absent, known by their content, built again when damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from featx.errors import CheckpointError
from featx.features.checkpoint_files import digest_files
from featx.files import whole_folder

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
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
        with whole_folder(folder, keep_first=not folder.exists()) as made:  # one that is there is damaged
            build(made)
            (made / _RECORD).write_text(json.dumps(_digests(made), indent=1, sort_keys=True) + "\n")
    except OSError as e:
        if not _is_whole(folder):  # another process may have been first
            raise CheckpointError(f"{what} cannot be written to {folder}: {e.strerror or e}") from e
    return folder


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
