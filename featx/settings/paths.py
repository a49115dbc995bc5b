"""What a path means that a user wrote: ``~`` is the home folder, wherever it was written."""

from __future__ import annotations

from pathlib import Path


def home(path: str) -> str:
    """Return `path` with a leading ``~`` as the home folder, as shells do; unchanged where there is no such user.

    Examples
    --------
    >>> home("reviews~.csv")
    'reviews~.csv'
    """
    if not path.startswith("~"):
        return path
    try:
        return str(Path(path).expanduser())
    except RuntimeError:
        return path
