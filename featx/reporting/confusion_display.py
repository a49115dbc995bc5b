"""Confusion matrices to look at: one counted and normalised side by side, and the difference of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.reporting.escaping import short_names
from featx.reporting.style import axes_or_new, new_figure, own_look, plain

#: Classes up to which cells carry numbers.
_MOST_NUMBERS = 20
#: Names along an axis; of more classes every second, third, … is named.
_MOST_LABELS = 40


def row_shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide each row by its sum, 0 where a class does not occur: the diagonal is then the recall.

    Examples
    --------
    >>> row_shares(np.array([[3, 1], [0, 0]])).tolist()
    [[0.75, 0.25], [0.0, 0.0]]
    """
    sums = matrix.sum(axis=1, keepdims=True)
    shares = np.zeros(matrix.shape)
    np.divide(matrix, sums, out=shares, where=sums > 0)
    return shares


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
        return row_shares(self.matrix)

    def plot(self, *, ax: Any = None, normalise: bool = False) -> ConfusionDisplay:
        """Draw one matrix, colours by row share in both forms, so that the two can be compared."""
        ax = axes_or_new(ax, 4, 4)
        shares = self.normalised
        ax.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        if len(self.label_names) <= _MOST_NUMBERS:
            for (row, column), share in np.ndenumerate(shares):
                text = f"{share:.2f}" if normalise else str(self.matrix[row, column])
                ax.text(column, row, text, ha="center", va="center", color="white" if share > 0.55 else "black")
        _label(ax, self.label_names)
        ax.set_title("share of the true class" if normalise else "texts")
        return self

    @own_look()
    def figure(self) -> Any:
        """Draw the counted and the normalised matrix on one colour scale."""
        size = _size(len(self.label_names))
        figure = new_figure(2 * size, size)
        for ax, normalise in zip(figure.subplots(1, 2), (False, True), strict=True):
            self.plot(ax=ax, normalise=normalise)
        figure.suptitle(plain(self.title, 80))
        return figure


@dataclass(frozen=True)
class DifferenceDisplay:
    """Row shares of one confusion matrix minus those of another: where the first predicts more (+) or less (−) often.

    Attributes
    ----------
    matrix, other : ndarray of shape (n_classes, n_classes), int64
        Of the same texts (or of several seeds on them): rows true, columns predicted.
    label_names : tuple of str
    title : str
    """

    matrix: NDArray[np.int64]
    other: NDArray[np.int64]
    label_names: tuple[str, ...]
    title: str = ""

    @property
    def difference(self) -> NDArray[np.float64]:
        """Difference of the shares, shape (n_classes, n_classes), from −1 to 1; each row sums to 0."""
        return row_shares(self.matrix) - row_shares(self.other)

    def plot(self, *, ax: Any = None) -> DifferenceDisplay:
        """Draw the difference; colours diverge from white at 0, and each number carries its sign."""
        ax = axes_or_new(ax, 4, 4)
        shown = self.difference
        bound = max(0.05, float(np.abs(shown).max()))
        ax.imshow(shown, vmin=-bound, vmax=bound, cmap="PuOr_r")
        if len(self.label_names) <= _MOST_NUMBERS:
            for (row, column), value in np.ndenumerate(shown):
                colour = "white" if abs(value) > 0.7 * bound else "black"
                ax.text(column, row, f"{value:+.2f}", ha="center", va="center", color=colour)
        _label(ax, self.label_names)
        return self

    @own_look()
    def figure(self) -> Any:
        """Draw a figure of its own."""
        size = _size(len(self.label_names))
        figure = new_figure(size + 1.2, size + 0.3)
        ax = figure.subplots()
        self.plot(ax=ax)
        figure.colorbar(ax.images[0], ax=ax, label="difference of the shares", shrink=0.8)
        figure.suptitle(plain(self.title, 80))
        return figure


def _size(n_classes: int) -> float:
    return min(12.0, max(3.2, 1.6 + 0.62 * n_classes))


def _label(ax: Any, label_names: tuple[str, ...]) -> None:
    ticks = np.arange(0, len(label_names), -(-len(label_names) // _MOST_LABELS))
    names = short_names(label_names, 16)
    names = [plain(names[at]) for at in ticks]
    ax.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(ticks, names)
    ax.set(xlabel="predicted", ylabel="true")
