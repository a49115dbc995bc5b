"""The course's tweets with real pretrained weights: numbers far from these mean shifted labels or a wrong order."""

from __future__ import annotations

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
    runs = Session(umsab, packaged_folder(), workspace=workspace).baseline(methods)
    scores = {run.record.method: run.record.metrics["test"]["f1_macro"] for run in runs}
    assert scores["majority"] == pytest.approx(1 / 6)
    assert 0.48 <= scores["tfidf-logreg"] <= 0.55
    assert 0.51 <= scores["logreg"] <= 0.57
