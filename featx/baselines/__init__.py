"""Features (or texts) to `Predictions` with scikit-learn: a registry of methods, and their tuning.

Computes no metric of its own and never imports ``training``. May import ``errors``, ``settings``, ``data``,
``evaluation`` and ``features``.
"""

from featx.baselines.candidates import CONCAT, TEXTS, Candidate, Inputs, candidates_of
from featx.baselines.fitting import Choices, Fitted, fit, fit_best, predict, probabilities
from featx.baselines.grid_solvers.walking import first_line
from featx.baselines.registry import METHODS, Method, Reads, find_method
from featx.baselines.saving import load_classifier, other_version, save_classifier
from featx.baselines.tuning import TuningData, TuningTrial, grid_points, n_settings, tune
from featx.baselines.workers import Workers, enough_workers

__all__ = [
    "CONCAT",
    "METHODS",
    "TEXTS",
    "Candidate",
    "Choices",
    "Fitted",
    "Inputs",
    "Method",
    "Reads",
    "TuningData",
    "TuningTrial",
    "Workers",
    "candidates_of",
    "enough_workers",
    "find_method",
    "first_line",
    "fit",
    "fit_best",
    "grid_points",
    "load_classifier",
    "n_settings",
    "other_version",
    "predict",
    "probabilities",
    "save_classifier",
    "tune",
]
