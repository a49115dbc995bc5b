"""Names of methods: of rows, and fit for file names."""

from __future__ import annotations

import re


def row_name(method: str, checkpoint: str | None) -> str:
    """Return the name of a row: with its checkpoint where the method is there on several.

    Nothing takes it apart again: what a row is about is in its fields.

    Examples
    --------
    >>> row_name("logreg", "demo")
    'logreg @ demo'
    """
    return f"{method} @ {checkpoint}" if checkpoint else method


def file_names(names: list[str]) -> list[str]:
    """Return each name with nothing but letters, digits and ``._+-``, none twice.

    Examples
    --------
    >>> file_names(["logreg", "../x y", "logreg"])
    ['logreg', 'x-y', 'logreg-2']
    """
    made: list[str] = []
    for name in names:
        base = re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip("-._+")[:80] or "method"
        unique, number = base, 2
        while unique in made:
            unique, number = f"{base}-{number}", number + 1
        made.append(unique)
    return made
