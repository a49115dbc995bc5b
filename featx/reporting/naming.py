"""Names of methods, fit for file names."""

from __future__ import annotations

import re


def file_names(names: list[str]) -> list[str]:
    """Each name with nothing but letters, digits and ``._+-``, none twice.

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
