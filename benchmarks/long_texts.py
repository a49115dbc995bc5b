"""What long texts are worth: ``head-tail`` and ``windows`` against ``cut``, frozen and fine-tuned, with MiniLM.

Give the folder of the movie reviews (CSV files; 800 to 900 tokens a text on average). Runs are kept in ``--results``, so
that the command goes on where it was stopped; the tables are written anew after each run.

    python benchmarks/long_texts.py path/to/movie-reviews-long [--results FOLDER] [--full]

Without ``--full`` a part of the texts is taken, drawn by class with a fixed seed, which is small enough for 20 minutes
on one quiet core; the time is nearly all in the windows. Seconds are in the JSON file alone, since a run that is kept
has those of the machine when it was made.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch

from featx.data import Split, TextDataset, load_dataset
from featx.evaluation import metric_interval
from featx.evaluation.paired import paired_difference
from featx.experiment.inspect import inspect_data
from featx.features.demo_checkpoint import packaged_folder
from featx.runs import Run
from featx.session import Session
from featx.settings import BaselineSettings, DataSettings, Dtype, FeatureSettings, FinetuneSettings, Long

TARGET = Path(__file__).parents[1] / "results" / "benchmarks"
#: Texts of each split that are taken without ``--full``.
SIZES = {"train": 300, "validation": 80, "test": 300}
METRICS = ("f1_macro", "accuracy")
#: What fine-tuning cuts at: the limit that the checkpoint states, which `pooling` auto takes on the frozen side.
MAX_LENGTH = 256
FINETUNE = FinetuneSettings(
    learning_rate=1e-4, per_device_train_batch_size=8, max_length=MAX_LENGTH, dtype=Dtype.BFLOAT16
)
#: Windows are four steps where a text is one: fewer passes are still more steps.
EPOCHS = {Long.CUT: 3.0, Long.HEAD_TAIL: 3.0, Long.WINDOWS: 2.0}


def part_of(dataset: TextDataset) -> TextDataset:
    """Return `SIZES` texts of each split, as many of each class."""
    splits = {}
    for name, split in dataset.splits.items():
        rng = np.random.default_rng(0)
        each = SIZES[name] // len(split.label_names)
        rows = np.sort(np.concatenate([
            rng.permutation(np.flatnonzero(split.labels == label))[:each] for label in range(len(split.label_names))
        ]))  # fmt: skip
        splits[name] = Split([split.texts[row] for row in rows.tolist()], split.labels[rows], split.label_names)
    return replace(dataset, splits=splits)


def made(session: Session) -> Iterator[tuple[str, Long, Run]]:
    """Yield each run, cheap ones first; those that are there are kept."""
    for long in Long:
        (run,) = on(session, f"long-{long}").baseline(BaselineSettings(("logreg",)), FeatureSettings(long=(long,)))
        yield "frozen", long, run
    for long in Long:
        settings = replace(FINETUNE, long=(long,), num_train_epochs=EPOCHS[long])
        (run,) = on(session, f"long-{long}").finetune(settings)
        yield "fine-tuned", long, run


def on(session: Session, experiment: str) -> Session:
    """Return a session with runs of another experiment on the same data."""
    workspace = replace(session.workspace, experiment=experiment)
    return Session(session.dataset, packaged_folder(), workspace=workspace, display=session.display)


def facts_of(side: str, long: Long, run: Run, base: Run | None) -> dict[str, Any]:
    """Return the scores of a run, and its paired differences to `base`, the same side's ``cut``."""
    timings = run.record.timings
    facts: dict[str, Any] = {
        "side": side,
        "long": long.value,
        "extract_seconds": round(timings.extract_seconds, 1),
        "fit_seconds": round(timings.fit_seconds, 1),
        "predict_ms_per_text": round(timings.predict_ms_per_text, 1),
        "validation": run.record.score("validation", "f1_macro"),
    }
    test = run.predictions["test"]
    for metric in METRICS:
        interval = metric_interval([test], metric)
        facts[metric] = {"value": interval.value, "low": interval.low, "high": interval.high}
        if base is not None:
            paired = paired_difference([test], [base.predictions["test"]], metric)
            gap = paired.difference
            facts[metric]["difference"] = {"value": gap.value, "low": gap.low, "high": gap.high, "p": paired.p_value}
    return facts


def write(rows: list[dict[str, Any]], kept: list[dict[str, Any]], dataset: TextDataset, full: bool) -> None:
    """Write the tables."""
    machine = f"{platform.machine()}, {torch.get_num_threads()} thread, torch {torch.__version__}"
    sizes = {name: len(split) for name, split in dataset.splits.items()}
    facts = {"machine": machine, "texts": sizes, "full": full, "kept": kept, "rows": rows}
    (TARGET / "long_texts.json").write_text(json.dumps(facts, indent=1) + "\n")
    lines = [
        "# Long texts",
        "",
        machine,
        "",
        f"MiniLM on movie reviews ({', '.join(f'{n} {name}' for name, n in sizes.items())} texts), {MAX_LENGTH} tokens; "
        f"logreg on the checkpoint's own pooling, and fine-tuning ({FINETUNE.dtype}, learning rate "
        f"{FINETUNE.learning_rate:g}, batches of {FINETUNE.per_device_train_batch_size}, "
        f"{EPOCHS[Long.CUT]:g} epochs, with windows {EPOCHS[Long.WINDOWS]:g}). Differences are to cut on the same side, "
        "paired over the test texts.",
        "",
        "| side | long | tokens to encode, x cut | test macro-F1, 95 % interval | difference, 95 % interval | p |",
        "|:---|:---|---:|---:|---:|---:|",
    ]
    costs = {share["long"]: share["cost"] for share in kept}
    for row in rows:
        score = row["f1_macro"]
        gap = score.get("difference")
        cells = [
            row["side"],
            row["long"],
            f"{costs[row['long']]:.2f}",
            f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]",
            "" if gap is None else f"{gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]",
            "" if gap is None else f"{gap['p']:.3f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    (TARGET / "long_texts.md").write_text("\n".join(lines) + "\n")


def main() -> None:
    """Make the runs, and the tables after each of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--results", type=Path, default=Path("long-texts-runs"))
    parser.add_argument("--full", action="store_true")
    asked = parser.parse_args()
    whole = load_dataset(DataSettings(dataset=asked.dataset))
    dataset = whole if asked.full else part_of(whole)
    folder = asked.results / ("full" if asked.full else "part")
    session = Session(dataset, packaged_folder(), results=folder, cache_dir=asked.results / "cache", texts=False)
    kept = [share.to_json() for share in inspect_data(session, max_length=MAX_LENGTH).long]
    rows: list[dict[str, Any]] = []
    base: dict[str, Run] = {}
    for side, long, run in made(session):
        rows.append(facts_of(side, long, run, base.get(side)))
        base.setdefault(side, run)
        write(rows, kept, dataset, asked.full)
        print(time.strftime("%H:%M:%S"), json.dumps(rows[-1]), flush=True)


if __name__ == "__main__":
    main()
