"""Whether probabilities can be believed: share of right labels over confidence, in the bins of the ECE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.evaluation.metrics import ECE_BINS
from featx.reporting.style import COLOURS, GREY, axes_or_new, new_figure, own_look, plain, tidy


@dataclass(frozen=True)
class ReliabilityDisplay:
    """Reliability diagram (Guo et al., ICML 2017) over 15 equal bins of confidence.

    Attributes
    ----------
    y_true : ndarray of shape (n_texts,), int64
    y_score : ndarray of shape (n_texts, n_classes), float64
        Probabilities; several seeds may stand one below the other.
    title : str
    """

    y_true: NDArray[np.int64]
    y_score: NDArray[np.float64]
    title: str = ""

    def bins(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Return the texts, mean confidence and share of right labels of each bin, (0, 1/15], …, each of shape (15,).

        Mean confidence and share are NaN in an empty bin. The ECE is the mean of their gaps, weighted by texts.
        """
        confidence = self.y_score.max(axis=1)
        right = self.y_score.argmax(axis=1) == self.y_true
        at = np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
        counts = np.bincount(at, minlength=ECE_BINS)
        with np.errstate(invalid="ignore"):
            mean = np.bincount(at, weights=confidence, minlength=ECE_BINS) / counts
            share = np.bincount(at, weights=right, minlength=ECE_BINS) / counts
        return counts.astype(np.int64), mean, share

    def plot(self, *, ax: Any = None) -> ReliabilityDisplay:
        """Draw bars of the share of right labels, the diagonal of perfect calibration, and how many texts a bin has."""
        ax = axes_or_new(ax, 3.6, 3.6)
        counts, mean, share = self.bins()
        edges, there = np.arange(ECE_BINS) / ECE_BINS, counts > 0
        ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
        bars = {"width": 1 / ECE_BINS, "align": "edge", "linewidth": 0.6}
        ax.bar(edges[there], share[there], color=COLOURS[0], alpha=0.55, edgecolor=COLOURS[0], **bars)
        gap, base = np.abs(mean - share)[there], np.minimum(mean, share)[there]
        ax.bar(edges[there], gap, bottom=base, color="none", edgecolor=COLOURS[1], hatch="////", **bars)
        weights = counts / counts.max()
        ax.bar(edges, -0.12 * weights, color=GREY, **bars)
        ax.set(xlim=(0, 1), ylim=(-0.13, 1), xlabel="confidence", ylabel="share right")
        ax.set_yticks([0, 0.5, 1])
        ax.set_title(plain(self.title, 34), fontsize=10)
        tidy(ax)
        return self

    @own_look()
    def figure(self) -> Any:
        """Draw a figure of its own."""
        return reliability_figure([self])


@own_look()
def reliability_figure(displays: list[ReliabilityDisplay]) -> Any:
    """Draw several diagrams side by side, four in a row at most."""
    columns = min(4, len(displays))
    rows = -(-len(displays) // columns)
    figure = new_figure(2.75 * columns, 2.75 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, display in zip(axes.flat, displays, strict=False):
        ax.set_axis_on()
        display.plot(ax=ax)
    return figure
