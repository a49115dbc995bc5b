"""Which layer and pooling serve best: the scores on validation as a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from featx.reporting.style import COLOURS, axes_or_new, new_figure, own_look, plain
from featx.runs import TrialRecord

#: What a trial states as its layer when it read all layers and poolings side by side.
_TOGETHER = "concat"


@dataclass(frozen=True)
class LayerDisplay:
    """Best validation score of each layer and pooling.

    Attributes
    ----------
    scores : mapping of (layer, pooling) to float
    metric : str
    title : str
    together : float or None
        Best score of all layers and poolings side by side, where that was tried.
    """

    scores: Mapping[tuple[str, str], float]
    metric: str
    title: str = ""
    together: float | None = None

    @classmethod
    def of_trials(cls, trials: Sequence[TrialRecord], metric: str, title: str = "") -> LayerDisplay | None:
        """Return the display of a run's trials; None where they do not differ in layer or pooling."""
        scores: dict[tuple[str, str], float] = {}
        together: list[float] = []
        for trial in trials:
            if trial.layer is None or trial.score is None:
                continue
            if trial.layer == _TOGETHER:
                together.append(trial.score)
                continue
            place = (str(trial.layer), f"{trial.pooling} {trial.long}" if trial.long else str(trial.pooling))
            scores[place] = max(scores.get(place, -np.inf), trial.score)
        return cls(scores, metric, title, max(together, default=None)) if len(scores) > 1 else None

    @property
    def layers(self) -> list[str]:
        """Return the layers by number, those without one (all side by side) last."""
        names = {layer for layer, _ in self.scores}
        return sorted(names, key=lambda name: (0, int(name), "") if name.lstrip("-").isdecimal() else (1, 0, name))

    @property
    def poolings(self) -> list[str]:
        """Poolings, by name."""
        return sorted({pooling for _, pooling in self.scores})

    def plot(self, *, ax: Any = None) -> LayerDisplay:
        """Draw layers from left to right, poolings one below the other; the best cell is framed."""
        ax = axes_or_new(ax, *self._size)
        layers, poolings = self.layers, self.poolings
        grid = np.array([[self.scores.get((layer, pooling), np.nan) for layer in layers] for pooling in poolings])
        image = ax.imshow(grid, cmap="cividis", aspect="auto")
        low, high = float(np.nanmin(grid)), float(np.nanmax(grid))
        for (row, column), score in np.ndenumerate(grid):
            if np.isfinite(score):
                light = high > low and (score - low) / (high - low) > 0.55
                ax.text(
                    column, row, f"{score:.3f}", ha="center", va="center", color="#111111" if light else "white",
                    fontsize=9,
                )  # fmt: skip
        row, column = np.unravel_index(np.nanargmax(grid), grid.shape)
        if self.together is None or high >= self.together:
            x, y = float(column), float(row)
            ax.plot(
                [x - 0.46, x + 0.46, x + 0.46, x - 0.46, x - 0.46], [y - 0.44, y - 0.44, y + 0.44, y + 0.44, y - 0.44],
                color=COLOURS[1], linewidth=3,
            )  # fmt: skip
        ax.set_xticks(range(len(layers)), [plain(layer, 12) for layer in layers])
        ax.set_yticks(range(len(poolings)), [plain(pooling, 12) for pooling in poolings])
        ax.set(xlabel="layer", ylabel="pooling", title=plain(self._full_title, 90))
        ax.figure.colorbar(image, ax=ax, label=f"validation {self.metric}")
        return self

    @property
    def _full_title(self) -> str:
        together = "" if self.together is None else f"; all side by side: {self.together:.3f}"
        return self.title + together

    @property
    def _size(self) -> tuple[float, float]:
        return min(16.0, 2.5 + 0.75 * len(self.layers)), 1.5 + 0.7 * len(self.poolings)

    @own_look()
    def figure(self) -> Any:
        """Draw a figure of its own."""
        figure = new_figure(*self._size)
        self.plot(ax=figure.subplots())
        return figure
