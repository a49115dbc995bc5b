"""Make ``results/umsab-english/`` again: the comparison on the tweets of the course, with MiniLM.

The tweets are not part of featx: give their folder (TweetEval layout, see README). Weights and tweets' texts are not
kept; the report holds tables, figures and numbers only.

    python benchmarks/umsab.py path/to/umsab-english [--search]

With ``--search`` fine-tuning is tuned as well, in a comparison of its own (eight trials for each of five seeds,
bfloat16): ``search.json``.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from featx.cli.display import make_display
from featx.experiment.report import render
from featx.features.demo_checkpoint import packaged_folder
from featx.reporting import compare, write_report
from featx.runs import find_runs, read_run
from featx.session import Session
from featx.settings import (
    BaselineSettings,
    Dtype,
    FeatureSettings,
    FinetuneSettings,
    Pooling,
    ReportSettings,
)

TARGET = Path(__file__).parents[1] / "results" / "umsab-english"
NAME = "umsab-english"


def main(tweets: str, search: bool) -> None:
    """Run everything in a temporary folder and copy the report."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(
            tweets, packaged_folder(), results=folder, experiment=NAME, texts=False, display=make_display(quiet=False)
        )
        if search:
            settings = FinetuneSettings(search=8, dtype=Dtype.BFLOAT16, seeds=(0, 1, 2, 3, 4))
            runs = session.finetune(settings)
            facts = {"seeds": [searched(run) for run in runs]}
            for split in ("validation", "test"):
                facts[split] = statistics.mean(seed[split] for seed in facts["seeds"])
            (TARGET / "search.json").write_text(json.dumps(facts, indent=1) + "\n")
            print(json.dumps(facts, indent=1))
            return
        every = BaselineSettings(methods=("all",), seeds=(0, 1, 2), controls=True)
        features = FeatureSettings(layer=None, pooling=(Pooling.CLS, Pooling.MEAN))
        session.baseline(every, features)
        settings = FinetuneSettings(learning_rate=1e-4, num_train_epochs=3, seeds=(0, 1, 2))
        session.finetune(settings)
        runs = [read_run(path) for path in find_runs(Path(folder) / NAME)]
        runs = [replace(run, record=_without_paths(run.record)) for run in runs]
        comparison = compare(runs, ReportSettings())
        kept = {path.name: path.read_bytes() for path in TARGET.glob("search.json")}
        shutil.rmtree(TARGET, ignore_errors=True)
        write_report(comparison, TARGET, "UMSAB, English tweets", runs)
        for name, content in kept.items():
            (TARGET / name).write_bytes(content)
        print(render(comparison, "md"))


def searched(run):
    """What a search chose, out of what, and what that is worth."""
    record = run.record
    scores = {split: record.metric(split, "f1_macro") for split in ("validation", "test")}
    return {"seed": record.seed, "selection": asdict(record.selection), "under_trained": record.under_trained} | scores


def _without_paths(record):
    """The record with names in place of this machine's folders."""
    data = replace(record.data, address="UMSAB, English (cardiffnlp/xlm-t, data/sentiment/english)")
    random = " (random weights)" if record.control == "random encoder" else ""
    checkpoint = record.checkpoint and replace(record.checkpoint, name=f"all-MiniLM-L6-v2{random}")
    return replace(record, data=data, checkpoint=checkpoint)


if __name__ == "__main__":
    main(sys.argv[1], "--search" in sys.argv)
