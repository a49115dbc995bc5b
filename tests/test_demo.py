"""``featx demo`` as a user runs it: no network, real weights, a table, a report and two labelled sentences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_demo(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FEATX_", "HF_"))}
    environment |= {"FEATX_CACHE_DIR": str(tmp_path / "cache"), "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "featx", "demo"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = tmp_path / "results" / "demo"
    records = {path.parts[-3]: json.loads(path.read_text()) for path in results.glob("*/*/run.json")}
    scores = {method: record["metrics"]["test"]["f1_macro"] for method, record in records.items()}
    assert set(scores) == {"majority", "tfidf-logreg", "logreg", "finetune"}
    assert scores["majority"] < 0.2 < 0.45 < scores["logreg"]
    assert scores["finetune"] > 0.6
    assert json.loads((results / "finetune/seed-0/model/config.json").read_text())["model_type"] == "distilbert"
    for method in scores:
        assert f"\n{method}" in done.stdout
    for path in ("report/report.html", "report/figures"):
        assert str(Path("results/demo") / path) in done.stdout
        assert (results / path).exists()
    last = done.stdout.strip().splitlines()[-2:]
    assert all(line.split("\t")[0] in ("negative", "neutral", "positive") for line in last)
