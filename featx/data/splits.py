"""Names under which files, folders and Hub data sets hold each split; the one list of them."""

from __future__ import annotations

#: Split to its names, as ``datasets`` reads them, in lower case.
SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "dev", "valid"),
    "test": ("test", "testing"),
}


def split_of(name: str) -> str | None:
    """Return the split that `name` stands for, if any.

    Examples
    --------
    >>> split_of("Valid")
    'validation'
    """
    return next((split for split, names in SPLIT_NAMES.items() if name.lower() in names), None)
