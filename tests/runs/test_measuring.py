"""Memory and size: in bytes, and of this run rather than of what the process did before."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_run

from featx.runs import measuring
from featx.runs.folder import write_run
from featx.runs.measuring import folder_bytes, peak_memory_bytes, reset_peak_memory


@pytest.mark.skipif(sys.platform != "linux", reason="the high-water mark begins anew on Linux only")
def test_peak_memory_is_that_since_the_reset() -> None:
    before = np.ones(60_000_000)
    assert before.sum() > 0
    del before
    reset_peak_memory()
    start = peak_memory_bytes()
    held = np.ones(25_000_000)
    peak = peak_memory_bytes()
    assert held.sum() > 0
    assert 150e6 < peak - start < 300e6


def test_elsewhere_the_whole_process_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(measuring, "_STATUS", tmp_path / "none")
    monkeypatch.setattr(measuring, "_CLEAR", tmp_path / "none" / "none")
    reset_peak_memory()
    assert 1e7 < peak_memory_bytes() < 1e12


def test_size_of_a_saved_model_is_recorded(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert run.record.model_bytes is None

    def save(folder: Path) -> None:
        (folder / "a").write_bytes(bytes(1000))
        (folder / "b").mkdir()
        (folder / "b" / "c").write_bytes(bytes(234))

    write_run(run.folder, run.record, run.predictions, save)
    from featx.runs import read_run

    assert read_run(run.folder).record.model_bytes == 1234 == folder_bytes(run.folder / "model")
