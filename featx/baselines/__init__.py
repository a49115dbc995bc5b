"""Features (or texts) to `Predictions` with scikit-learn: a registry of methods, and their tuning.

Computes no metric of its own and never imports ``finetune``. May import ``errors``, ``config``, ``data``,
``evaluation`` and ``features``.
"""

from featx.baselines.fitting import Fitted, Trial, fit, predict
from featx.baselines.registry import METHODS, Method, Reads, find_method
from featx.baselines.saving import load_classifier, save_classifier

__all__ = [
    "METHODS",
    "Fitted",
    "Method",
    "Reads",
    "Trial",
    "find_method",
    "fit",
    "load_classifier",
    "predict",
    "save_classifier",
]
