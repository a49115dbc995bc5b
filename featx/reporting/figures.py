"""Which figures a report has, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from featx.reporting.confusion_display import ConfusionDisplay, DifferenceDisplay
from featx.reporting.cost_display import CostDisplay
from featx.reporting.data_display import BalanceDisplay, LengthDisplay
from featx.reporting.details import Details
from featx.reporting.naming import file_names
from featx.reporting.reliability_display import reliability_figure
from featx.reporting.score_display import ScoreDisplay

#: Rows, best first, that get figures of their own; the numbers of all are in the tables.
MOST_ROWS = 12


@dataclass(frozen=True)
class ReportFigure:
    """A figure of a report.

    Attributes
    ----------
    name : str
        Of its file.
    section : str
        Where the page shows it; empty where the page has something better.
    caption : str
        What there is to see.
    figure : matplotlib Figure
    """

    name: str
    section: str
    caption: str
    figure: Any


def report_figures(details: Details) -> Iterator[ReportFigure]:
    """Yield the figures of a report, each drawn when it is asked for."""
    comparison = details.comparison
    percent = f"{comparison.confidence:.0%}"
    yield ReportFigure(
        "scores",
        "scores",
        f"Test {comparison.metric} of each method with its {percent} interval over test texts"
        + (f"; diamond and band: {comparison.reference}, the reference." if comparison.reference else "."),
        ScoreDisplay(comparison).figure(),
    )
    for of, cost in (("fit", "extracting and fitting"), ("predict", "predicting one text")):
        yield ReportFigure(
            f"cost-{of}",
            "scores",
            f"Test {comparison.metric} against the cost of {cost}. No method is both better and cheaper than "
            "those with filled markers, which the dashed line joins.",
            CostDisplay(comparison).figure(of),
        )
    yield from _confusions(details)
    yield from _training(details)
    yield from _data(details)


def _confusions(details: Details) -> Iterator[ReportFigure]:
    rows, labels = details.comparison.rows[:MOST_ROWS], details.comparison.label_names
    base = details.comparison.rows[details.base]
    files = file_names(list(details.names))
    for at, row in enumerate(rows):
        seeds = f", {len(row.seeds)} seeds together" if len(row.seeds) > 1 else ""
        caption = f"{details.names[at]} on test{seeds}: texts, and shares of the true class."
        figure = ConfusionDisplay(row.confusion, labels, f"{details.names[at]} on test{seeds}").figure()
        yield ReportFigure(f"confusion-{files[at]}", "", caption, figure)
    if details.rival is not None:  # the page shows every other pair
        title = f"{details.names[details.rival]} minus {details.names[details.base]}"
        caption = f"{title}: where the first predicts more (+) or less (-) often, in shares of the true class."
        rival = details.comparison.rows[details.rival]
        figure = DifferenceDisplay(rival.confusion, base.confusion, labels, title).figure()
        yield ReportFigure(f"difference-{files[details.rival]}", "", caption, figure)


def _training(details: Details) -> Iterator[ReportFigure]:
    for file, (name, heat) in _named(details.layers()):
        caption = (
            f"Validation {heat.metric} of {name} by layer and pooling; framed is the best, which was chosen unless "
            "all side by side do better."
        )
        yield ReportFigure(f"layers-{file}", "layers", caption, heat.figure())
    for file, (name, learning) in _named(details.learning()):
        loss, score = f"{name}: loss on train and validation.", f"{name}: {learning.score_caption}."
        yield ReportFigure(f"loss-{file}", "training", loss, learning.figure("loss"))
        yield ReportFigure(f"learning-{file}", "training", score, learning.figure("score"))
        if learning.has_rates:
            yield ReportFigure(f"rate-{file}", "training", f"{name}: learning rate.", learning.figure("rate"))
    reliability = details.reliability()[:MOST_ROWS]
    if reliability:
        caption = (
            "Share of right labels by confidence, in 15 bins. On the dashed line probabilities can be taken at their "
            "word; the hatched gap is what they are off by; grey bars below: how many texts lie in a bin."
        )
        yield ReportFigure("reliability", "calibration", caption, reliability_figure(reliability))


def _named(displays: list[tuple[str, Any]]) -> list[tuple[str, tuple[str, Any]]]:
    return list(zip(file_names([name for name, _ in displays]), displays, strict=True))


def _data(details: Details) -> Iterator[ReportFigure]:
    labels = details.comparison.label_names
    counts = {name: split.class_counts for name, split in details.comparison.data.splits.items()}
    if all(len(of_split) == len(labels) for of_split in counts.values()):
        yield ReportFigure("classes", "data", "Classes in each split.", BalanceDisplay(counts, labels).figure())
    if details.texts is not None and details.test_labels is not None:
        lengths = np.fromiter(map(len, details.texts), np.int64, len(details.texts))
        display = LengthDisplay(lengths, details.test_labels, labels)
        caption = (
            "Length of the test texts by class: quartiles, median, and whiskers from the 5th to the 95th percentile."
        )
        yield ReportFigure("lengths", "data", caption, display.figure())
