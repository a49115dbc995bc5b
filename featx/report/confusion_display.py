"""Confusion matrices to look at: counted and normalised, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ConfusionDisplay:
    """A confusion matrix that draws itself when asked.

    Attributes
    ----------
    matrix : ndarray of shape (n_classes, n_classes), int64
        Rows true, columns predicted.
    label_names : tuple of str
    title : str
    """

    matrix: NDArray[np.int64]
    label_names: tuple[str, ...]
    title: str = ""

    @property
    def normalised(self) -> NDArray[np.float64]:
        """Each row divided by its sum (0 where a class does not occur): the diagonal is the recall."""
        sums = self.matrix.sum(axis=1, keepdims=True)
        shares = np.zeros(self.matrix.shape)
        np.divide(self.matrix, sums, out=shares, where=sums > 0)
        return shares

    def plot(self, *, ax: Any = None, normalise: bool = False) -> ConfusionDisplay:
        """Draw one matrix, colours by row share in both forms, so that the two can be compared."""
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(4, 4), layout="constrained").subplots()
        shares = self.normalised
        ax.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        if len(self.label_names) <= 20:
            for (row, column), share in np.ndenumerate(shares):
                text = f"{share:.2f}" if normalise else str(self.matrix[row, column])
                ax.text(column, row, text, ha="center", va="center", color="white" if share > 0.55 else "black")
        ticks = np.arange(len(self.label_names))
        names = [name if len(name) <= 16 else name[:15] + "…" for name in self.label_names]
        names = [name.replace("$", r"\$") for name in names]
        ax.set_xticks(ticks, names, rotation=45, ha="right")
        ax.set_yticks(ticks, names)
        ax.set(xlabel="predicted", ylabel="true", title="share of the true class" if normalise else "texts")
        return self

    def figure(self) -> Any:
        """Figure with the counted and the normalised matrix."""
        from matplotlib.figure import Figure

        size = min(12.0, max(3.2, 1.6 + 0.62 * len(self.label_names)))
        figure = Figure(figsize=(2 * size, size), layout="constrained")
        for ax, normalise in zip(figure.subplots(1, 2), (False, True), strict=True):
            self.plot(ax=ax, normalise=normalise)
        figure.suptitle(self.title)
        return figure
