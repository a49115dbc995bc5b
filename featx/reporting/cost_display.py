"""Cost against score, with the front of methods that nothing else beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from featx.reporting.comparison import Comparison
from featx.reporting.escaping import short_names
from featx.reporting.rows import Row
from featx.reporting.style import COLOURS, GREY, INK, MARKERS, axes_or_new, new_figure, own_look, plain, tidy

#: Costs below these are drawn there: 0 has no place on a logarithmic axis.
_LEAST = {"fit": 0.01, "predict": 0.001}
#: Names that have room beside their points.
_MOST_NAMES = 14
_TITLES = {"fit": "extracting and fitting, seconds", "predict": "predicting, milliseconds a text"}


def pareto_front(costs: Sequence[float], scores: Sequence[float]) -> list[int]:
    """Return the positions that no other beats: none is as cheap and better, or as good and cheaper. Cheapest first.

    Examples
    --------
    >>> pareto_front([1.0, 2.0, 3.0, 4.0], [0.5, 0.4, 0.7, 0.7])
    [0, 2]
    """
    front: list[int] = []
    for at in sorted(range(len(costs)), key=lambda k: (costs[k], -scores[k])):
        if not front or scores[at] > scores[front[-1]]:
            front.append(at)
    return front


@dataclass(frozen=True)
class CostDisplay:
    """Test score of each method over what it costs; a line joins the Pareto front."""

    comparison: Comparison

    @property
    def rows(self) -> list[Row]:
        """Rows that are no controls: nobody would choose one of these."""
        return [row for row in self.comparison.rows if not row.control]

    def costs(self, of: str) -> list[float]:
        """Return each row's cost: ``fit`` in seconds, extraction included, or ``predict`` in milliseconds a text."""
        return [row.seconds if of == "fit" else row.predict_ms for row in self.rows]

    def plot(self, *, ax: Any = None, of: str = "fit") -> CostDisplay:
        """Draw one kind of cost, ``fit`` or ``predict``; filled markers are on the front."""
        ax = axes_or_new(ax, 4.9, 3.9)
        costs = [max(cost, _LEAST[of]) for cost in self.costs(of)]
        scores = [row.test.value for row in self.rows]
        front = pareto_front(costs, scores)
        ax.step([costs[k] for k in front], [scores[k] for k in front], where="post", color=GREY, linestyle="--", lw=1.2)
        for at, (row, cost) in enumerate(zip(self.rows, costs, strict=True)):
            colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
            ax.plot([cost, cost], [row.test.low, row.test.high], color=colour, linewidth=1.2, alpha=0.7)
            filled = colour if at in front else "none"
            ax.plot(cost, row.test.value, marker, color=colour, markerfacecolor=filled, markersize=8)
        ax.set_xscale("log")
        ax.margins(x=0.25, y=0.12)
        ax.set_xlabel(_TITLES[of])
        ax.set_ylabel(f"test {self.comparison.metric}")
        tidy(ax)
        _names(ax, costs, scores, short_names([row.method for row in self.rows], 20))
        return self

    @own_look()
    def figure(self, of: str = "fit") -> Any:
        """Draw a figure of its own; filled markers are on the front."""
        figure = new_figure(4.9, 3.9)
        self.plot(ax=figure.subplots(), of=of)
        return figure


def _names(ax: Any, costs: Sequence[float], scores: Sequence[float], names: Sequence[str]) -> None:
    """Write the names of the best beside their points, moved up where one would lie on one below."""
    placed: list[tuple[float, float]] = []
    best = sorted(range(len(costs)), key=lambda k: -scores[k])[:_MOST_NAMES]
    for at in reversed(best):
        x, y = ax.transData.transform((costs[at], scores[at]))
        raised = y
        for other_x, other_y in placed:
            if abs(other_x - x) < 90 and raised - other_y < 13:
                raised = other_y + 13
        placed.append((x, raised))
        ax.annotate(
            plain(names[at], 20), (costs[at], scores[at]), (8, (raised - y) * 0.72 + 4), textcoords="offset points",
            color=INK, fontsize=9,
        ).set_in_layout(False)  # fmt: skip
