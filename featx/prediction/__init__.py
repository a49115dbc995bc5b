"""A finished run and new texts become labels and scores.

May import ``runs``, ``features``, ``baselines``, ``training``.
"""

from featx.prediction.predictor import Prediction, Predictor, load_predictor

__all__ = ["Prediction", "Predictor", "load_predictor"]
