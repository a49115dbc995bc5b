"""A map of the features: texts as points in the plane, by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import SettingsError
from featx.reporting.escaping import short_names
from featx.reporting.style import COLOURS, MARKERS, axes_or_new, legend_label, new_figure, own_look, tidy

#: Points beyond which the map is drawn from a sample: more would only cover each other.
MOST_POINTS = 5_000
PROJECTIONS = ("pca", "umap")


@dataclass(frozen=True)
class MapDisplay:
    """Texts in two dimensions.

    Attributes
    ----------
    points : ndarray of shape (n_texts, 2), float64
    labels : ndarray of shape (n_texts,), int64
    label_names : tuple of str
    axes_names : tuple of str, length 2
    """

    points: NDArray[np.float64]
    labels: NDArray[np.int64]
    label_names: tuple[str, ...]
    axes_names: tuple[str, str] = ("", "")

    @classmethod
    def of_features(
        cls,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        label_names: tuple[str, ...],
        projection: str = "pca",
        seed: int = 0,
    ) -> MapDisplay:
        """Project features of shape (n_texts, hidden_size) onto a plane, by ``pca`` or ``umap``.

        At most `MOST_POINTS` texts are used, drawn at random.

        Raises
        ------
        SettingsError
            If the projection is unknown, its package is not installed, or there are fewer than three texts.
        """
        if projection not in PROJECTIONS:
            raise SettingsError(f"`map` is {projection!r}; expected one of: {', '.join(PROJECTIONS)}")
        if len(features) < 3:
            raise SettingsError(f"a map takes three texts or more, but there are {len(features)}")
        if len(features) > MOST_POINTS:
            kept = np.sort(np.random.default_rng(seed).choice(len(features), MOST_POINTS, replace=False))
            features, labels = features[kept], labels[kept]
        if projection == "umap":
            return cls(_umap(features, seed), labels, label_names, ("UMAP 1", "UMAP 2"))
        points, shares = pca(features)
        names = tuple(f"component {k + 1} ({share:.0%} of the variance)" for k, share in enumerate(shares))
        return cls(points, labels, label_names, (names[0], names[1]))

    def plot(self, *, ax: Any = None) -> MapDisplay:
        """Draw one marker and colour a class."""
        ax = axes_or_new(ax, 6, 5)
        size = float(np.clip(6_000 / len(self.points), 4, 30))
        for label, name in enumerate(short_names(self.label_names)):
            at = self.labels == label
            if at.any():
                ax.scatter(
                    *self.points[at].T, s=size, marker=MARKERS[label % len(MARKERS)], alpha=0.6, linewidths=0,
                    color=COLOURS[label % len(COLOURS)], label=legend_label(name), rasterized=True,
                )  # fmt: skip
        ax.set(xlabel=self.axes_names[0], ylabel=self.axes_names[1])
        tidy(ax)
        if len(self.label_names) <= 20:
            ax.legend(frameon=False, fontsize=8, markerscale=1.6)
        return self

    @own_look()
    def figure(self) -> Any:
        """Draw a figure of its own."""
        figure = new_figure(6.5, 5.2)
        self.plot(ax=figure.subplots())
        return figure


def pca(features: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the first two principal components, shape (n, 2), and their shares of the variance, shape (2,).

    Signs are fixed so that the largest entry of each direction is positive, as in scikit-learn.
    """
    centred = np.asarray(features, np.float64) - features.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    directions = vectors[:, ::-1][:, :2]
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), [0, 1]])
    return centred @ directions, values[::-1][:2] / max(values.sum(), np.finfo(float).tiny)


def _umap(features: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on parts that are not used, on threads and on small samples
        try:
            from umap import UMAP
        except ImportError as e:
            raise SettingsError(
                "`map` umap needs the package umap-learn; install it with: pip install 'featx[umap]'"
            ) from e
        reducer = UMAP(n_components=2, n_neighbors=min(15, len(features) - 1), random_state=seed, n_jobs=1)
        return np.asarray(reducer.fit_transform(features), np.float64)
