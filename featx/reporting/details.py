"""What a comparison rests on, text by text: the runs and votes of each row, and the texts where they were kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featx.reporting.comparison import Comparison
from featx.reporting.escaping import short_names
from featx.reporting.layer_display import LayerDisplay
from featx.reporting.learning_display import LearningDisplay
from featx.reporting.reliability_display import ReliabilityDisplay
from featx.reporting.votes import Votes, vote
from featx.runs import Run, SharedText

#: Characters of a row's name that are shown.
_NAME_LENGTH = 80


@dataclass(frozen=True)
class Details:
    """The rows of a comparison, taken apart.

    Attributes
    ----------
    comparison : Comparison
    names : tuple of str
        Of the rows, as they are shown: on one line, cut, none like another.
    runs : tuple of tuple of Run
        Those behind each row; empty where none were given.
    votes : tuple of Votes or None
        Of each row; None where there are no runs.
    texts : sequence of str or None
        Test texts; None when they were not kept or must not be shown.
    shared : sequence of SharedText or None
        Test texts that stand in train too; None when that is not known.
    """

    comparison: Comparison
    names: tuple[str, ...]
    runs: tuple[tuple[Run, ...], ...]
    votes: tuple[Votes | None, ...]
    texts: Sequence[str] | None = None
    shared: Sequence[SharedText] | None = None

    @property
    def base(self) -> int:
        """Position of the row that others are held against: the reference, else the best."""
        reference = self.comparison.reference
        return next((at for at, row in enumerate(self.comparison.rows) if row.method == reference), 0)

    @property
    def rival(self) -> int | None:
        """Position of the row to hold against the base at first: the best other one on validation."""
        rows = self.comparison.rows
        others = [at for at, row in enumerate(rows) if at != self.base and not row.control]
        return max(others, key=lambda at: rows[at].validation) if others else None

    @property
    def overlap(self) -> Sequence[SharedText] | None:
        """`shared`, or what the runs themselves record of it: rows alone."""
        recorded = self.comparison.data.shared_test_rows
        if self.shared is not None or recorded is None:
            return self.shared
        return [SharedText(row, None, None) for row in recorded]

    @property
    def test_labels(self) -> NDArray[np.int64] | None:
        """True label of each test text."""
        return next((votes.y_true for votes in self.votes if votes is not None), None)

    def layers(self) -> list[tuple[str, LayerDisplay]]:
        """Return the heat maps of the rows whose layer and pooling were chosen on validation."""
        made = []
        for name, runs in zip(self.names, self.runs, strict=True):
            if not runs:
                continue
            selection = runs[0].record.selection
            display = LayerDisplay.of_trials(selection.trials, selection.metric, name)
            if display is not None:
                made.append((name, display))
        return made

    def learning(self) -> list[tuple[str, LearningDisplay]]:
        """Return the learning curves of the rows that kept a log."""
        made = []
        for name, runs in zip(self.names, self.runs, strict=True):
            several = len(runs) > 1
            histories = {
                f"seed {run.record.seed}" if several else name: run.record.history for run in runs if run.record.history
            }
            display = LearningDisplay(histories, self.comparison.metric)
            if not display.is_empty:
                made.append((name, display))
        return made

    def reliability(self) -> list[ReliabilityDisplay]:
        """Return the reliability diagrams of the rows that have scores, all seeds of a row together."""
        made = []
        for name, runs in zip(self.names, self.runs, strict=True):
            scored = [
                (predictions.y_true, predictions.y_score)
                for predictions in (run.predictions["test"] for run in runs)
                if predictions.y_score is not None
            ]
            if scored and len(scored) == len(runs):
                truths, scores = zip(*scored, strict=True)
                made.append(ReliabilityDisplay(np.concatenate(truths), np.concatenate(scores), name))
        return made


def take_apart(
    comparison: Comparison,
    runs: Sequence[Run] = (),
    texts: Sequence[str] | None = None,
    shared: Sequence[SharedText] | None = None,
) -> Details:
    """Return the details of `comparison`, which was made from `runs`."""
    behind = tuple(row.runs if runs else () for row in comparison.rows)
    votes = tuple(vote([run.predictions["test"] for run in made]) if made else None for made in behind)
    return Details(
        comparison,
        tuple(short_names([row.method for row in comparison.rows], _NAME_LENGTH)),
        behind,
        votes,
        texts,
        shared,
    )
