"""Walks along a method's grid: the same predictions as fit after fit, for less work.

Each module has one ``walk(classifier, grid, X, labels, held)`` that yields a `Point` for every grid point, in the order
of the grid. What they share: inputs are prepared (scaled, tf-idf) once, and no pipeline is made.
"""

from featx.baselines.paths.point import Point
from featx.baselines.paths.walking import walk

__all__ = ["Point", "walk"]
