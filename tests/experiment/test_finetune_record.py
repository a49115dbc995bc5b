"""What a fine-tuning's predictions say of it, beside its log."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from featx.evaluation import Predictions
from featx.experiment.finetune_record import _only_class
from featx.experiment.workspace import Workspace
from featx.session import Session
from featx.settings import CaveatCode, FinetuneSettings


@pytest.mark.parametrize(
    ("truth", "test", "expected"),
    [([0, 1], [1, 1], "b"), ([0, 1], [1, 0], None), ([0, 1], [0, 0], None), ([1, 1], [1, 1], None)],
)
def test_one_class_only(truth: list[int], test: list[int], expected: str | None) -> None:
    validation, labels = Predictions(np.array([0, 1]), np.array([1, 1]), None, ("a", "b")), np.array(truth)
    assert (
        _only_class({"validation": validation, "test": Predictions(labels, np.array(test), None, ("a", "b"))})
        == expected
    )


def test_a_model_that_predicts_one_class_learned_nothing(tweets: Path, tiny: Path, tmp_path: Path) -> None:
    workspace = Workspace(results=tmp_path / "results", cache_dir=tmp_path / "cache")
    settings = FinetuneSettings(max_steps=1, learning_rate=1e-9)
    (run,) = Session(tweets, tiny, workspace=workspace).finetune(settings)
    one = len({*run.predictions["validation"].y_pred.tolist(), *run.predictions["test"].y_pred.tolist()}) == 1
    texts = [caveat.text for caveat in run.record.caveats if caveat.code is CaveatCode.LEARNED_NOTHING]
    assert any("predicts one class only" in text for text in texts) == one
