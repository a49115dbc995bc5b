"""`Predictions` become metrics, intervals and paired differences: the only place where a metric exists.

Uses numpy, scipy and scikit-learn only, and knows of no model and no file.
May import ``errors``, ``config`` and ``data``.
"""

from featx.evaluation.caveats import Caveat, caveat_lines
from featx.evaluation.choosing import f1_macro_standard_error, temperature_scaled_log_loss
from featx.evaluation.confusion import CLASS_METRICS, CONFUSION_METRICS, confusion_matrix, metrics_of_confusion
from featx.evaluation.families import Family
from featx.evaluation.intervals import (
    Interval,
    interval_of,
    interval_over_seeds,
    metric_interval,
    over_seeds,
    range_of,
)
from featx.evaluation.least_lengths import Lengths, least_lengths, least_lengths_of_classes
from featx.evaluation.looks import Looks
from featx.evaluation.metrics import METRICS, SCORE_METRICS, Metric, measure
from featx.evaluation.paired import Paired, Verdict, holm, mcnemar, paired_difference, paired_of, verdict
from featx.evaluation.predictions import Predictions
from featx.evaluation.resampling import Resampler, Resamples, check_same_texts, resampled_scores

__all__ = [
    "CLASS_METRICS",
    "CONFUSION_METRICS",
    "METRICS",
    "SCORE_METRICS",
    "Caveat",
    "Family",
    "Interval",
    "Lengths",
    "Looks",
    "Metric",
    "Paired",
    "Predictions",
    "Resampler",
    "Resamples",
    "Verdict",
    "caveat_lines",
    "check_same_texts",
    "confusion_matrix",
    "f1_macro_standard_error",
    "holm",
    "interval_of",
    "interval_over_seeds",
    "least_lengths",
    "least_lengths_of_classes",
    "mcnemar",
    "measure",
    "metric_interval",
    "metrics_of_confusion",
    "over_seeds",
    "paired_difference",
    "paired_of",
    "range_of",
    "resampled_scores",
    "temperature_scaled_log_loss",
    "verdict",
]
