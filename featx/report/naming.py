"""Names of rows: unique in a page, and fit for file names."""

from __future__ import annotations

import re
from collections import Counter

from featx.report.comparison import Comparison


def row_names(comparison: Comparison) -> list[str]:
    """A name for each row, in order; rows of one method are told apart by what they read, then by number."""
    methods = Counter(row.method for row in comparison.rows)
    names = [row.method if methods[row.method] == 1 else f"{row.method} ({row.features})" for row in comparison.rows]
    doubled = {name for name, count in Counter(names).items() if count > 1}
    seen: Counter[str] = Counter()
    for at, name in enumerate(names):
        if name in doubled:
            seen[name] += 1
            names[at] = f"{name} #{seen[name]}"
    return names


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
