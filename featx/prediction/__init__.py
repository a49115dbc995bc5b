"""A finished run and new texts become labels and scores.

May import ``runs``, ``features``, ``baselines``, ``training``.
"""

from featx.prediction.predictor import BATCH_TEXTS, Prediction, Predictor, load_predictor

__all__ = ["BATCH_TEXTS", "Prediction", "Predictor", "load_predictor"]
