"""`Wrong`: what stands where a value should be, when there is none; and `Faults`, which counts and tells them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from featx.errors import DataError

#: Kinds of fault that one message tells, and rows that it names of each.
_KINDS, _ROWS = 4, 4


@dataclass(frozen=True)
class Wrong:
    """Why there is no value.

    Attributes
    ----------
    problem, remedy : str
    kind : str
        Faults of one kind are told together; the problem itself when empty.
    source : str
        The file, where it is not that of the row.
    """

    problem: str
    remedy: str
    kind: str = ""
    source: str = ""


@dataclass
class Faults:
    """Faults of a data set, by kind, to be told at once."""

    by_kind: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, wrong: Wrong, source: str, row_name: Callable[[], str]) -> None:
        """Take down that a row of `source` is wrong."""
        source = wrong.source or source
        kind = f"{source}\0{wrong.kind or wrong.problem}"
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind not in self.by_kind:
            if len(self.by_kind) >= _KINDS:
                return
            self.by_kind[kind] = [f"{source}, {row_name()}: {wrong.problem}; {wrong.remedy}"]
        elif len(self.by_kind[kind]) < _ROWS:
            self.by_kind[kind].append(row_name())

    def check(self) -> None:
        """Raise if there are any.

        Raises
        ------
        DataError
            Says each kind once, with the first rows and how many there are.
        """
        if not self.by_kind:
            return
        told = [_told(first, others, self.counts[kind]) for kind, (first, *others) in self.by_kind.items()]
        untold = sum(count for kind, count in self.counts.items() if kind not in self.by_kind)
        if untold:
            told.append(f"and {untold} more rows are wrong in other ways")
        raise DataError("; ".join(told))


def _told(first: str, others: list[str], count: int) -> str:
    if count == 1:
        return first
    rows = ", ".join(others) + (", …" if count > len(others) + 1 else "")
    return f"{first} ({count} rows in all: also {rows})"
