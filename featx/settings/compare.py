"""How much a whole comparison may spend, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from featx.settings.base import Settings
from featx.settings.declare import setting
from featx.settings.durations import seconds_of


@dataclass(frozen=True)
class CompareSettings(Settings, table="compare", heading="Budget"):
    """The whole comparison: its time, and how far both sides are tuned."""

    budget: Annotated[
        str | None,
        setting("Time for all of it, such as 30m, 2h or 1h30m.", unset="as long as the plan takes", example="30m"),
    ] = None
    classical: Annotated[
        tuple[str, ...],
        setting("Methods on words and on frozen features, each tuned on validation, or all.", suggestions="methods"),
    ] = ("majority", "tfidf-logreg", "tfidf-svm", "logreg", "linear-svm", "knn")
    spread: Annotated[
        bool,
        setting("Read a spread of layers and poolings where these are at their defaults."),
    ] = True
    most_trials: Annotated[int, setting("Trials of fine-tuning's search at most; 0 for no search.", ge=0)] = 16
    most_seeds: Annotated[int, setting("Seeds of fine-tuning at most.", ge=1)] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.budget is not None:
            seconds_of(self.budget)
