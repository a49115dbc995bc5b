"""How fine-tuning went: loss, validation metrics and learning rate over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from featx.reporting.style import COLOURS, LINES, MARKERS, axes_or_new, legend_label, new_figure, own_look, tidy

#: Metrics that stand beside the one of the comparison where there is one run to draw; all have the same scale.
_BESIDE = ("f1_macro", "accuracy", "recall_macro", "mcc")


@dataclass(frozen=True)
class LearningDisplay:
    """Learning curves of one run or several.

    Attributes
    ----------
    histories : mapping of str to sequence of dict
        Name of a run to its log: entries with ``epoch`` and ``loss``, ``learning_rate``, ``eval_loss`` or
        ``eval_<metric>``.
    metric : str
    """

    histories: Mapping[str, Sequence[Mapping[str, Any]]]
    metric: str

    @property
    def is_empty(self) -> bool:
        """Whether no run has anything to draw."""
        names = ("loss", "eval_loss", f"eval_{self.metric}")
        return not any(len(curve(history, name)[0]) for history in self.histories.values() for name in names)

    @property
    def has_rates(self) -> bool:
        """Whether any run has logged its learning rate."""
        return any(len(curve(history, "learning_rate")[0]) for history in self.histories.values())

    def plot(self, *, ax: Any = None, of: str = "loss") -> LearningDisplay:
        """Draw ``loss`` (train lines, validation dashed with markers), ``score`` (validation) or learning ``rate``."""
        ax = axes_or_new(ax)
        for at, (name, history) in enumerate(self.histories.items()):
            look = {"color": COLOURS[at % len(COLOURS)]}
            marked = look | {"marker": MARKERS[at % len(MARKERS)]}
            label = legend_label(name, 30)
            if of == "loss":
                ax.plot(*curve(history, "loss"), **look, linewidth=1.4, label=f"{label}, train")
                ax.plot(
                    *curve(history, "eval_loss"), **marked, linestyle=LINES[1], label=f"{label}, validation"
                )  # fmt: skip
            elif of == "rate":
                ax.plot(*curve(history, "learning_rate"), **look, linewidth=1.4, label=label)
            elif len(self.histories) == 1:
                self._plot_metrics(ax, history)
            else:
                ax.plot(*curve(history, f"eval_{self.metric}"), **marked, label=label)
        ax.set_xlabel("epoch")
        ax.set_ylabel({"loss": "loss", "rate": "learning rate"}.get(of, self.score_caption))
        ax.xaxis.get_major_locator().set_params(integer=True)
        if of == "rate":
            ax.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
        tidy(ax)
        if ax.lines and len(self.histories) <= len(COLOURS):
            ax.legend(frameon=False, fontsize=8)
        return self

    @property
    def score_caption(self) -> str:
        """What ``score`` draws: one metric of several runs, or several metrics of one run."""
        return f"validation {self.metric}" if len(self.histories) > 1 else "metrics on validation"

    def _plot_metrics(self, ax: Any, history: Sequence[Mapping[str, Any]]) -> None:
        """Draw the metric of the comparison, and thinner the others."""
        names = dict.fromkeys((self.metric, *_BESIDE))
        for at, name in enumerate(names):
            epochs, values = curve(history, f"eval_{name}")
            if epochs:
                ax.plot(
                    epochs, values, color=COLOURS[at], marker=MARKERS[at], linewidth=1.0 if at else 1.8, label=name,
                    linestyle=LINES[1] if at else LINES[0],
                )  # fmt: skip

    @own_look()
    def figure(self, of: str = "loss") -> Any:
        """Draw a figure of its own."""
        figure = new_figure(5.4, 3.6)
        self.plot(ax=figure.subplots(), of=of)
        return figure


def curve(history: Sequence[Mapping[str, Any]], name: str) -> tuple[list[float], list[float]]:
    """Return the epochs and finite values of one quantity of a log."""
    points = [
        (float(entry["epoch"]), float(entry[name]))
        for entry in history
        if isinstance(entry.get(name), int | float) and isinstance(entry.get("epoch"), int | float)
    ]
    finite = [point for point in points if np.isfinite(point).all()]
    return [epoch for epoch, _ in finite], [value for _, value in finite]
