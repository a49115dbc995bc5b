"""How fine-tuning went: loss and validation score over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from featx.report.style import COLOURS, LINES, MARKERS, axes_or_new, new_figure, plain, tidy


@dataclass(frozen=True)
class LearningDisplay:
    """Learning curves of one run or several.

    Attributes
    ----------
    histories : mapping of str to sequence of dict
        Name of a run to its log: entries with ``epoch`` and ``loss``, ``eval_loss`` or ``eval_<metric>``.
    metric : str
    """

    histories: Mapping[str, Sequence[Mapping[str, Any]]]
    metric: str

    @property
    def is_empty(self) -> bool:
        """Whether no run has anything to draw."""
        names = ("loss", "eval_loss", f"eval_{self.metric}")
        return not any(len(curve(history, name)[0]) for history in self.histories.values() for name in names)

    def plot(self, *, ax: Any = None, of: str = "loss") -> LearningDisplay:
        """Draw ``loss`` (train lines, validation dashed with markers) or ``score`` (validation)."""
        ax = axes_or_new(ax)
        for at, (name, history) in enumerate(self.histories.items()):
            colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
            label = plain(name, 30)
            if of == "loss":
                ax.plot(*curve(history, "loss"), color=colour, linewidth=1.4, label=f"{label}, train")
                ax.plot(
                    *curve(history, "eval_loss"), color=colour, linestyle=LINES[1], marker=marker,
                    label=f"{label}, validation",
                )  # fmt: skip
            else:
                ax.plot(*curve(history, f"eval_{self.metric}"), color=colour, marker=marker, label=label)
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss" if of == "loss" else f"validation {self.metric}")
        ax.xaxis.get_major_locator().set_params(integer=True)
        tidy(ax)
        if ax.lines and len(self.histories) <= len(COLOURS):
            ax.legend(frameon=False, fontsize=8)
        return self

    def figure(self, of: str = "loss") -> Any:
        """Figure of its own."""
        figure = new_figure(5.4, 3.6)
        self.plot(ax=figure.subplots(), of=of)
        return figure


def curve(history: Sequence[Mapping[str, Any]], name: str) -> tuple[list[float], list[float]]:
    """Epochs and finite values of one quantity of a log."""
    points = [
        (float(entry["epoch"]), float(entry[name]))
        for entry in history
        if isinstance(entry.get(name), int | float) and isinstance(entry.get("epoch"), int | float)
    ]
    finite = [point for point in points if np.isfinite(point).all()]
    return [epoch for epoch, _ in finite], [value for _, value in finite]
