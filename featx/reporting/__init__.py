"""Many runs to tables, figures and pages, from run.json and predictions.parquet alone (no torch).

May import ``errors``, ``config``, ``runs`` and ``evaluation``.
"""

from featx.reporting.answer import answer
from featx.reporting.caveats import Failed
from featx.reporting.comparison import Comparison, check_metric, compare
from featx.reporting.formats import FORMATS, render
from featx.reporting.judging import Pair
from featx.reporting.rows import Row
from featx.reporting.writing import write_report

__all__ = [
    "FORMATS",
    "Comparison",
    "Failed",
    "Pair",
    "Row",
    "answer",
    "check_metric",
    "compare",
    "render",
    "write_report",
]
