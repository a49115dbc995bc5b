"""Looking at test more than once: how much of the level of significance each look may use.

Whoever looks, goes on where nothing was decided, and looks again, has several chances to be wrong. The level is spent
over the looks by a function of Pocock's form (Lan and DeMets, Biometrika 70, 1983), most of it at the first look, after
which little changes: the texts are the same in all of them, and seeds, trials or folds are added. Each look has its
increment for itself, so that by Boole's inequality the whole is not wrong more often than the level, however the looks
depend on each other. No look takes what later ones leave: whether it is the last one is never known, since anybody may
go on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Looks:
    """Looks that were made, and how many there may be.

    Attributes
    ----------
    planned : int
        Looks at most, stated before the first one.
    levels : tuple of float
        Level of significance of each look that was made, in order.
    level : float
        Of all looks together.
    """

    planned: int
    levels: tuple[float, ...] = ()
    level: float = 0.05

    def next(self) -> Looks:
        """Return these looks with one more, which may use what the spending function gives it.

        Raises
        ------
        ValueError
            If all planned looks were made.

        Examples
        --------
        >>> looks = Looks(planned=2).next().next()
        >>> [round(level, 4) for level in looks.levels]
        [0.031, 0.019]
        """
        number = len(self.levels) + 1
        if number > self.planned:
            raise ValueError(f"all {self.planned} looks that were planned are made")
        before, by_now = (spent(self.level, k / self.planned) for k in (number - 1, number))
        return Looks(self.planned, (*self.levels, by_now - before), self.level)

    @property
    def left(self) -> int:
        """Number of looks that may still be made."""
        return self.planned - len(self.levels)

    @property
    def now(self) -> float:
        """Level of the last look; the whole level where none was made."""
        return self.levels[-1] if self.levels else self.level


def spent(level: float, share: float) -> float:
    """Return how much of `level` may be used when `share` of the looks, above 0 to 1, are made."""
    return level * math.log1p((math.e - 1) * share)
