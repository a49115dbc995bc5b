"""Test scores of all methods with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from featx.report.comparison import Comparison


@dataclass(frozen=True)
class ScoreDisplay:
    """Scores with intervals, best on top."""

    comparison: Comparison

    def plot(self, *, ax: Any = None) -> ScoreDisplay:
        """Draw one line a method."""
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(6, 3), layout="constrained").subplots()
        rows = self.comparison.rows[::-1]
        for at, row in enumerate(rows):
            is_reference = row.method == self.comparison.reference
            ax.plot([row.test.low, row.test.high], [at, at], color="#0b5394", linewidth=2)
            ax.plot(row.test.value, at, "D" if is_reference else "o", color="#0b5394", markersize=7)
        ax.set_yticks(range(len(rows)), [row.method for row in rows])
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_xlabel(f"test {self.comparison.metric}, {self.comparison.confidence:.0%} interval")
        ax.grid(axis="x", alpha=0.3)
        ax.spines[["top", "right", "left"]].set_visible(False)
        return self

    def figure(self) -> Any:
        """Figure of its own."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 1.2 + 0.42 * len(self.comparison.rows)), layout="constrained")
        self.plot(ax=figure.subplots())
        return figure
