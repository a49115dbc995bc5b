"""Figures of a data set: classes, lengths, and a map of features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.data import TextDataset
from featx.errors import RunError, SettingsError
from featx.experiment.context import Context
from featx.experiment.features import extract_splits
from featx.files import write_file
from featx.settings import FeatureSettings


def draw(
    dataset: TextDataset,
    labels: NDArray[np.int64],
    lengths: Mapping[str, NDArray[np.int64]],
    limits: dict[str, int],
    folder: Path,
) -> list[Path]:
    """Write figures of the classes and of the lengths in each unit; return the files.

    Parameters
    ----------
    dataset : TextDataset
    labels : ndarray of shape (n_texts,), int64
        Of all splits together.
    lengths : mapping of unit to ndarray of shape (n_texts,), int64
        In ``characters`` and ``tokens``.
    limits : dict of name to int
        Lengths in tokens at which texts may be cut.
    folder : Path
    """
    from featx.reporting.data_display import BalanceDisplay, LengthDisplay

    names = dataset.label_names
    counts = {split: held.class_counts.tolist() for split, held in dataset.splits.items()}
    made = {"classes": BalanceDisplay(counts, names).figure()}
    for unit, of_unit in lengths.items():
        made[unit] = LengthDisplay(of_unit, labels, names, unit, limits if unit == "tokens" else {}).figure()
    return _written(made, folder)


def draw_map(context: Context, max_length: int | None, projection: str, folder: Path) -> list[Path]:
    """Write a map of the test texts' features; return the files.

    Raises
    ------
    SettingsError
        If `projection` is unknown.
    """
    from featx.reporting.map_display import PROJECTIONS, MapDisplay

    if projection not in PROJECTIONS:
        raise SettingsError(f"`map` is {projection!r}; expected one of: {', '.join(PROJECTIONS)}", "map")
    made = extract_splits(context, ["test"], FeatureSettings(max_length=max_length))
    dataset = context.dataset
    points = MapDisplay.of_features(made.of("test"), dataset.test.labels, dataset.label_names, projection)
    return _written({f"map-{projection}": points.figure()}, folder)


def _written(figures: dict[str, Any], folder: Path) -> list[Path]:
    from featx.reporting.style import drawn

    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            for suffix in ("png", "svg"):
                path = folder / f"{name}.{suffix}"
                write_file(path, [drawn(figure, suffix)])
                paths.append(path)
    except OSError as e:
        raise RunError(f"the figures cannot be written to {folder}: {e.strerror or e}; give other `figures`") from e
    return paths
