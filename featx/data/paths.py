"""Checks whether a name that a user wrote is on disk, without an exception whatever the name is."""

from __future__ import annotations

from pathlib import Path


def is_folder(name: str | Path) -> bool:
    """Return whether `name` is a folder; False for names that no path can have (too long, a null byte)."""
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):
        return False


def is_file(name: str | Path) -> bool:
    """Return whether `name` is a regular file; False for names that no path can have."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False
