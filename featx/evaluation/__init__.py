"""`Predictions` become metrics, intervals and paired differences: the only place where a metric exists.

Uses numpy, scipy and scikit-learn only, and knows of no model and no file.
May import ``errors``, ``config`` and ``data``.
"""

from featx.evaluation.confusion import confusion_matrix, metrics_of_confusion
from featx.evaluation.intervals import Interval, metric_interval, paired_difference, resampled_metric
from featx.evaluation.metrics import METRICS, measure
from featx.evaluation.predictions import Predictions

__all__ = [
    "METRICS",
    "Interval",
    "Predictions",
    "confusion_matrix",
    "measure",
    "metric_interval",
    "metrics_of_confusion",
    "paired_difference",
    "resampled_metric",
]
