"""Test scores of all methods with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from featx.reporting.comparison import Comparison
from featx.reporting.escaping import short_names
from featx.reporting.style import COLOURS, GREY, INK, axes_or_new, new_figure, own_look, plain, tidy


@dataclass(frozen=True)
class ScoreDisplay:
    """Scores with intervals, best on top; controls are grey.

    The reference is a diamond, and its interval a band behind the others.
    """

    comparison: Comparison

    def plot(self, *, ax: Any = None) -> ScoreDisplay:
        """Draw one line a method."""
        ax = axes_or_new(ax, 4.9, self._height)
        rows, names = self.comparison.rows[::-1], short_names([row.method for row in self.comparison.rows[::-1]])
        for at, row in enumerate(rows):
            is_reference = row.method == self.comparison.reference
            if is_reference:
                ax.axvspan(row.test.low, row.test.high, color=GREY, alpha=0.15, linewidth=0)
            colour = GREY if row.control else COLOURS[0]
            ax.plot([row.test.low, row.test.high], [at, at], color=colour, linewidth=2.5, solid_capstyle="round")
            marker = {"marker": "D" if is_reference else "o", "markersize": 8 if is_reference else 7}
            ax.plot(row.test.value, at, color=colour, **marker)
            ax.annotate(
                f"{row.test.value:.3f}", (row.test.high, at), (6, 0), textcoords="offset points", va="center", color=INK
            )
        ax.set_yticks(range(len(rows)), [plain(name) for name in names])
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_xlabel(f"test {self.comparison.metric}, {self.comparison.confidence:.0%} interval")
        tidy(ax, "x")
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.margins(x=0.16)
        return self

    @property
    def _height(self) -> float:
        return max(3.9, 1.1 + 0.36 * len(self.comparison.rows))

    @own_look()
    def figure(self) -> Any:
        """Draw a figure of its own."""
        figure = new_figure(4.9, self._height)
        self.plot(ax=figure.subplots())
        return figure
