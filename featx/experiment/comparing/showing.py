"""A comparison that goes on, as text: in a line or as a table, what comes next, and why it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featx.experiment.comparing.spending import Because, On, Spend
from featx.markup import about

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


def in_words(then: Spend | Because) -> str:
    """Return what is done next, or why nothing is."""
    if isinstance(then, Spend):
        what = "folds for all methods" if then.on is On.FOLDS else f"{then.on} of fine-tuning in all"
        return f"next: {then.number} {what}, {about(then.seconds)}"
    return ENDINGS[then]


#: Why a comparison ended, in words.
ENDINGS = {
    Because.DECIDED: "decided",
    Because.BUDGET: "the budget is too short for the next step",
    Because.TEXTS: "the test texts are too few to decide more, however long it runs",
    Because.LIMITS: "fine-tuning may have no more trials or seeds (`most_trials`, `most_seeds`)",
    Because.LOOKS: "all looks at test are made; only new test texts could decide more",
}
