"""Columns of the comparison table and the text of each cell: one place, so that every format shows the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from featx.evaluation import METRICS, Interval, Metric
from featx.reporting.comparison import Comparison
from featx.reporting.rows import Row


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    title : str
    cell : callable
        From a row to its text.
    rank : int
        Columns with the highest rank are dropped first where the table is too wide; 0 is never dropped.
    numeric : bool
        Whether cells stand on the right.
    short : str
        Title where room is scarce; `title` when empty.
    """

    title: str
    cell: Callable[[Row], str]
    rank: int
    numeric: bool = True
    short: str = ""


def columns(comparison: Comparison) -> list[Column]:
    """Return the columns of `comparison`, left to right."""
    percent = f"{comparison.confidence:.0%}"
    with_reference = comparison.reference is not None
    every = [
        Column("method", method, 0, numeric=False),
        Column("features", lambda row: row.features, 6, numeric=False),
        Column("settings", lambda row: row.settings, 4, numeric=False),
        Column("seeds", lambda row: str(len(row.seeds)), 8),
        Column("trials", lambda row: str(row.trials), 9),
        Column("n_train", lambda row: str(row.n_train), 12),
        Column(f"validation {comparison.metric}", lambda row: score(row.validation), 5, short="validation"),
        Column(f"test {comparison.metric}", lambda row: score(row.test.value), 0, short="test"),
        Column(f"{percent} interval", lambda row: span(row.test), 1),
        *(_metric_column(metric) for metric in METRICS.values() if metric.rank),
    ]
    if any(row.score_std is not None for row in comparison.rows):
        every.insert(9, Column("SD over seeds", lambda row: optional(row.score_std), 10, short="SD"))
    if any(row.without_shared is not None for row in comparison.rows):
        every.insert(9, Column("without shared texts", lambda row: optional(row.without_shared), 9, short="unshared"))
    if with_reference:
        every += [
            Column(f"vs {comparison.reference}", difference, 2),
            Column(f"{percent} interval of the difference", difference_span, 8, short="its interval"),
            Column("verdict", lambda row: judgement(row, comparison), 3, numeric=False),
            Column("p (Holm)", lambda row: p_value(row.p_holm), 10),
            Column("McNemar p (Holm)", lambda row: p_value(row.mcnemar_holm), 11, short="McNemar"),
            Column(
                "detectable",
                lambda row: "" if row.paired is None else score(row.paired.minimum_detectable_difference),
                12,
            ),
        ]
    every += [
        Column("trained", trained, 6, numeric=False),
        Column("extract s", lambda row: seconds(row.extract_seconds), 7),
        Column("fit s", lambda row: seconds(row.fit_seconds), 7),
        Column("ms/text", lambda row: f"{row.predict_ms:.2f}", 7),
        Column("memory MB", lambda row: megabytes(row.peak_memory_bytes), 13),
        Column("model MB", lambda row: megabytes(row.model_bytes), 13),
        Column("Pareto", lambda row: "yes" if row.pareto else "", 13, numeric=False),
    ]
    return [column for column in every if column.rank == 0 or any(column.cell(row) for row in comparison.rows)]


def _metric_column(metric: Metric) -> Column:
    return Column(metric.title, lambda row: optional(row.metrics.get(metric.name)), metric.rank)


def method(row: Row) -> str:
    """Return the method's name; with a star the best test score and its equals, in brackets controls."""
    return f"({row.method})" if row.control else row.method + (" *" if row.equals_best else "")


def judgement(row: Row, comparison: Comparison) -> str:
    """Return the verdict in a word; ``equivalent`` with the margin that it is within."""
    if row.method == comparison.reference:
        return "reference"
    if row.control:
        return "control"
    return f"equivalent ±{comparison.margin:g}" if row.verdict == "equivalent" else row.verdict


def trained(row: Row) -> str:
    """Return whether the optimiser came to an end; empty where that has no meaning."""
    if row.under_trained:
        return "under-trained"
    return {None: "", True: "converged", False: "NOT converged"}[row.converged]


def optional(value: float | None) -> str:
    """Return a score, or nothing."""
    return "" if value is None else score(value)


def p_value(value: float | None) -> str:
    """Return a p-value to three decimals."""
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def megabytes(value: float | None) -> str:
    """Return the bytes as whole megabytes, to one decimal below 10."""
    if value is None:
        return ""
    return f"{value / 1e6:.1f}" if value < 1e7 else f"{value / 1e6:.0f}"


def score(value: float) -> str:
    """Return a score to three decimals."""
    return f"{value:.3f}"


def span(interval: Interval) -> str:
    """Return the bounds of an interval."""
    return f"{score(interval.low)}–{score(interval.high)}"


def difference(row: Row) -> str:
    """Return the difference to the reference."""
    return "" if row.difference is None else f"{row.difference.value:+.3f}"


def difference_span(row: Row) -> str:
    """Return the bounds of the difference to the reference."""
    d = row.difference
    return "" if d is None else f"[{d.low:+.3f}, {d.high:+.3f}]"


def seconds(value: float) -> str:
    """Return the seconds to one decimal below 100, else whole."""
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"
