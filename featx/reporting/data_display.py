"""What the texts are like: how many of each class, and how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.reporting.escaping import short_names
from featx.reporting.style import COLOURS, GREY, HATCHES, INK, LINES, axes_or_new, new_figure, own_look, plain, tidy

_MOST_CLASSES = 30


@dataclass(frozen=True)
class BalanceDisplay:
    """Texts of each class in each split.

    Attributes
    ----------
    counts : mapping of str to sequence of int
        Split name to texts per class.
    label_names : sequence of str
    """

    counts: Mapping[str, Sequence[int]]
    label_names: Sequence[str]

    def plot(self, *, ax: Any = None) -> BalanceDisplay:
        """Draw a group of bars a class, one bar a split: shares of the split, with the counts beside."""
        ax = axes_or_new(ax, 6, self._height)
        names = short_names(self.label_names[:_MOST_CLASSES])
        height = 0.8 / len(self.counts)
        for at, (split, counts) in enumerate(self.counts.items()):
            total = max(1, sum(counts))
            places = np.arange(len(names)) + at * height - 0.4 + height / 2
            shares = np.array(counts[: len(names)]) / total
            ax.barh(
                places, shares, height * 0.92, color=COLOURS[at % len(COLOURS)], hatch=HATCHES[at % len(HATCHES)],
                edgecolor="white", linewidth=0, label=f"{split} ({total:,})",
            )  # fmt: skip
            if len(names) <= 12:
                for place, share, count in zip(places, shares, counts, strict=False):
                    ax.annotate(
                        f"{count:,}", (share, place), (4, 0), textcoords="offset points", va="center", fontsize=8,
                        color=INK,
                    )  # fmt: skip
        ax.set_yticks(range(len(names)), [plain(name) for name in names])
        ax.invert_yaxis()
        ax.margins(x=0.15)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        ax.set_xlabel("share of the split")
        ax.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderpad=0)
        tidy(ax, "x")
        return self

    @property
    def _height(self) -> float:
        return 1.3 + min(_MOST_CLASSES, len(self.label_names)) * max(0.3, 0.19 * len(self.counts))

    @own_look()
    def figure(self) -> Any:
        """Draw a figure of its own."""
        figure = new_figure(6.5, self._height)
        self.plot(ax=figure.subplots())
        return figure


@dataclass(frozen=True)
class LengthDisplay:
    """Lengths of texts by class.

    Attributes
    ----------
    lengths : ndarray of shape (n_texts,), int64
    labels : ndarray of shape (n_texts,), int64
    label_names : sequence of str
    unit : str
        ``characters`` or ``tokens``.
    limits : mapping of str to int
        Lengths at which texts are cut, by name.
    """

    lengths: NDArray[np.int64]
    labels: NDArray[np.int64]
    label_names: Sequence[str]
    unit: str = "characters"
    limits: Mapping[str, int] | None = None

    def plot(self, *, ax: Any = None) -> LengthDisplay:
        """Draw a box a class: quartiles, whiskers from the 5th to the 95th percentile, median as a line."""
        ax = axes_or_new(ax, 6, self._height)
        names = short_names(self.label_names[:_MOST_CLASSES])
        groups = [self.lengths[self.labels == label] for label in range(len(names))]
        # Drawn from five numbers a class, so that a million texts make no larger figure than ten.
        boxes = [_five_numbers(group) for group in groups]
        ax.bxp(
            boxes, positions=range(len(names)), orientation="horizontal", showfliers=False, patch_artist=True,
            widths=0.55, boxprops={"facecolor": COLOURS[5], "alpha": 0.6, "edgecolor": COLOURS[0]},
            medianprops={"color": COLOURS[1], "linewidth": 2}, whiskerprops={"color": GREY}, capprops={"color": GREY},
        )  # fmt: skip
        for at, (name, limit) in enumerate((self.limits or {}).items()):
            if limit <= 3 * max(1, int(self.lengths.max(initial=1))):
                ax.axvline(
                    limit, color=COLOURS[1], linestyle=LINES[1 + at % 3], linewidth=1.2, label=f"{name}: {limit}"
                )
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderpad=0)
        ax.set_yticks(range(len(names)), [plain(name) for name in names])
        ax.invert_yaxis()
        ax.set_xlabel(f"{self.unit} of a text")
        ax.set_xlim(left=0)
        tidy(ax, "x")
        return self

    @property
    def _height(self) -> float:
        return 1.2 + 0.42 * min(_MOST_CLASSES, len(self.label_names))

    @own_look()
    def figure(self) -> Any:
        """Draw a figure of its own."""
        figure = new_figure(6.5, self._height)
        self.plot(ax=figure.subplots())
        return figure


def _five_numbers(lengths: NDArray[np.int64]) -> dict[str, Any]:
    low, first, median, third, high = np.percentile(lengths, [5, 25, 50, 75, 95]) if len(lengths) else [np.nan] * 5
    return {"whislo": low, "q1": first, "med": median, "q3": third, "whishi": high, "fliers": []}
