"""The course's tweets with real pretrained weights: numbers far from these mean shifted labels or a wrong order."""

from __future__ import annotations

from pathlib import Path

import pytest

from featx.experiment.baseline import baseline
from featx.experiment.workspace import Workspace
from featx.features.demo_checkpoint import packaged_folder
from featx.settings import BaselineSettings, DataSettings

pytestmark = [pytest.mark.shared, pytest.mark.slow]


def test_known_scores(umsab: Path, tmp_path: Path) -> None:
    workspace = Workspace(results=tmp_path / "results", cache_dir=tmp_path / "cache")
    methods = BaselineSettings(methods=("majority", "tfidf-logreg", "logreg"))
    runs = baseline(DataSettings(str(umsab)), str(packaged_folder()), settings=methods, workspace=workspace)
    scores = {run.record.method: run.record.metrics["test"]["f1_macro"] for run in runs}
    assert scores["majority"] == pytest.approx(1 / 6)
    assert 0.48 <= scores["tfidf-logreg"] <= 0.55
    assert 0.51 <= scores["logreg"] <= 0.57
