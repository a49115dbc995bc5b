"""The course's tweets with real pretrained weights: numbers far from these mean shifted labels or a wrong order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from featx.experiment.workspace import Workspace
from featx.features.demo_checkpoint import packaged_folder
from featx.session import Session
from featx.settings import BaselineSettings

pytestmark = [pytest.mark.shared, pytest.mark.slow]


def test_known_scores(umsab: Path, tmp_path: Path) -> None:
    workspace = Workspace(results=tmp_path / "results", cache_dir=tmp_path / "cache")
    methods = BaselineSettings(methods=("majority", "tfidf-logreg", "logreg"))
    session = Session(umsab, packaged_folder(), workspace=workspace)
    runs = session.baseline(methods, pooling="cls")
    scores = {run.record.method: run.record.metrics["test"]["f1_macro"] for run in runs}
    assert scores["majority"] == pytest.approx(1 / 6)
    assert 0.48 <= scores["tfidf-logreg"] <= 0.55
    assert 0.51 <= scores["logreg"] <= 0.57
    (own,) = Session(umsab, packaged_folder(), workspace=replace(workspace, experiment="own")).baseline(
        methods="logreg"
    )
    assert 0.58 <= own.record.metrics["test"]["f1_macro"] <= 0.63, "mean pooling, normalised, as the checkpoint says"
