"""A comparison that goes on, as text: in a line, or as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from featx.reporting import Comparison

#: Methods that a line names.
_NAMED = 3


def best_of(comparison: Comparison) -> str:
    """Return the best methods so far, and the answer as far as there is one."""
    from featx.reporting import answer

    best = ", ".join(f"{row.method} {row.test.value:.3f}" for row in comparison.rows[:_NAMED])
    first = f" {answer(comparison)[0]}" if comparison.headline is not None else ""
    return f"so far, {comparison.metric} on test: {best}.{first}"


def state_of(comparison: Comparison, width: int) -> str:
    """Return the table so far, `width` characters wide, under the answer as far as there is one."""
    from featx.reporting import answer, render

    first = [answer(comparison)[0]] if comparison.headline is not None else []
    return "\n".join([*first, render(comparison, "table", width)])
