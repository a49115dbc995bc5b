"""What ``import featx`` offers: the commands as functions with friendly arguments, and results that show themselves.

Nothing is computed here: arguments become settings, `featx.experiment` does the work, `featx.api.shown` holds the
results. May import everything but ``cli``.
"""

from featx.api.data import Dataset, load_dataset
from featx.api.methods import baseline, extract, finetune
from featx.api.results import compare, predict, report
from featx.api.shown import Compared, Predicted, Runs

__all__ = [
    "Compared",
    "Dataset",
    "Predicted",
    "Runs",
    "baseline",
    "compare",
    "extract",
    "finetune",
    "load_dataset",
    "predict",
    "report",
]
