"""Runs on disk with simulated predictions, for tests of runs and reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from featx.evaluation import Predictions, measure
from featx.runs import (
    CheckpointFacts,
    ChosenFeatures,
    DataFacts,
    Run,
    RunRecord,
    Selection,
    SplitFacts,
    Timings,
    TrialRecord,
    read_run,
    write_run,
)
from featx.runs.reading import family_of_0_1

NAMES = ("negative", "neutral", "positive")


def simulate(n: int, accuracy: float, seed: int, names: tuple[str, ...] = NAMES, scores: bool = True) -> Predictions:
    rng = np.random.default_rng(seed)
    k = len(names)
    y_true = np.arange(n) % k
    y_pred = np.where(rng.random(n) > accuracy, (y_true + rng.integers(1, k, n)) % k, y_true)
    y_score = None
    if scores:
        raw = rng.random((n, k)) + 2 * np.eye(k)[y_pred]
        y_score = raw / raw.sum(axis=1, keepdims=True)
    return Predictions(y_true, y_pred, y_score, names)


FEATURES = {
    "kinds": [{"layer": 6, "pooling": "cls", "spec": "s"}], "combine": None, "max_length": 128, "dtype": "float32"
}  # fmt: skip


def made_data(n: int = 90, digest: str = "d" * 64, **changes: object) -> DataFacts:
    """Facts of data on which a run was made."""
    splits = {
        "train": SplitFacts(300, "a" * 64, (100,) * 3),
        "validation": SplitFacts(60, "b" * 64, (20,) * 3),
        "test": SplitFacts(n, digest, tuple(np.bincount(np.arange(n) % 3, minlength=3).tolist())),
    }
    return DataFacts(**{"address": "made/up", "revision": None, "notes": (), "splits": splits} | changes)


def made_selection(**changes: object) -> Selection:
    """A choice among two trials."""
    facts = {"chosen": {"logreg__C": 1.0}, "summary": "C=1", "trials": (TrialRecord(), TrialRecord())}
    return Selection(**facts | {"features": ChosenFeatures(6, "cls", (0,))} | changes)


def make_run(
    folder: Path,
    method: str = "logreg",
    accuracy: float = 0.7,
    seed: int = 0,
    digest: str = "d" * 64,
    n: int = 90,
    names: tuple[str, ...] = NAMES,
    scores: bool = True,
    **changes: object,
) -> Run:
    """Write a run of `method` under ``folder/<method>/seed-<seed>`` and read it back."""
    offset = sum(map(ord, method))
    predictions = {
        "validation": simulate(60, accuracy, 1000 + seed + offset, names, scores),
        "test": simulate(n, accuracy, seed + offset, names, scores),
    }
    facts = {
        "method": method,
        "seed": seed,
        "label_names": names,
        "data": made_data(n, digest),
        "checkpoint": CheckpointFacts("demo", None, "x", "y"),
        "features": FEATURES,
        "settings": {"grid": {"logreg__C": [0.1, 1.0]}},
        "selection": made_selection(),
        "converged": True,
        "timings": Timings(2.5, 1.25, 0.01, 1.5),
        "metrics": {split: measure(made) for split, made in predictions.items()},
        "history": (),
        "model_format": None,
        "environment": {"featx": "0.1.0"},
        "created": "2026-01-01T00:00:00+00:00",
    }
    facts |= changes
    facts.setdefault("family", family_of_0_1(method, facts.get("control"), facts["features"]))
    place = folder / method / f"seed-{seed}"
    write_run(place, RunRecord(**facts), {} if "failure" in changes else predictions)
    return read_run(place)
