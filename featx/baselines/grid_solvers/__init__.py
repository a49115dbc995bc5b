"""Walks along a method's grid: the same predictions as fit after fit, for less work.

Each module has one ``walk(classifier, grid, X, labels, held)`` that yields a `GridResult` for every grid point, in the
order of the grid. What they share: inputs are prepared (scaled, tf-idf) once, and no pipeline is made.
"""

from featx.baselines.grid_solvers.result import GridResult
from featx.baselines.grid_solvers.walking import walk

__all__ = ["GridResult", "walk"]
