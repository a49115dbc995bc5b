"""Many runs to tables, figures and pages, from run.json and predictions.parquet alone (no torch).

May import ``errors``, ``config``, ``runs`` and ``evaluation``.
"""

from featx.report.answer import answer
from featx.report.comparison import Comparison, Failed, check_metric, compare
from featx.report.formats import FORMATS, render
from featx.report.judging import Pair
from featx.report.rows import Row
from featx.report.writing import write_report

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
