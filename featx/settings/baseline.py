"""Which classical methods are fitted and how they are tuned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from featx.settings.base import Settings
from featx.settings.choices import Calibration, Combine, Refit
from featx.settings.declare import Identity, Seed, setting


@dataclass(frozen=True)
class BaselineSettings(Settings, table="baseline", heading="Baselines"):
    """Classical methods: which are fitted, how they are tuned, and with which seeds."""

    methods: Annotated[tuple[str, ...], setting("Methods, or all.", suggestions="methods")] = (
        "majority",
        "tfidf-logreg",
        "logreg",
    )
    seeds: Annotated[tuple[Seed, ...], setting("Random seeds such as 0,1,2.")] = (0,)
    combine: Annotated[
        Combine,
        setting("Several layers and poolings: each (choose one), concat (side by side), or both."),
    ] = Combine.BOTH
    cv: Annotated[
        int | None,
        setting(
            "Choose on this many folds of train.",
            unset="on validation",
            example=5,
            ge=2,
            unit="folds",
            identity=Identity.ALWAYS,
        ),
    ] = None
    refit: Annotated[Refit, setting("What the chosen classifier is fitted on.", identity=Identity.ALWAYS)] = Refit.TRAIN
    calibrate: Annotated[
        Calibration,
        setting("Probabilities for methods without any, cross-validated on train.", identity=Identity.ALWAYS),
    ] = Calibration.NONE
    time_limit: Annotated[
        float | None,
        setting(
            "Seconds for one method and seed; beyond, it stands in the table as failed.",
            example=600.0,
            gt=0,
            unit="seconds",
        ),
    ] = None
    jobs: Annotated[
        int | None,
        setting("Processes for tuning.", unset="all cores where worth it", example=4, ge=1),
    ] = None
    controls: Annotated[bool, setting("Add the probe on a random encoder and on shuffled labels.")] = False
    features_file: Annotated[
        Path | None,
        setting(
            "An .npz of features from elsewhere, as featx extract --output writes it; nothing is extracted then.",
            unset="features are extracted",
            example="mine.npz",
        ),
    ] = None
