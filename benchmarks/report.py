"""How long a report takes: 50 runs (10 methods, 5 seeds) of 10,000 test texts; goal: under 20 seconds.

python benchmarks/report.py [--methods 10] [--seeds 5] [--texts 10000]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from featx.data import Split, TextDataset
from featx.experiment.report import report
from featx.runs import keep_texts
from featx.settings import ReportSettings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from made_runs import NAMES, make_run

GOAL_SECONDS = 20


def main() -> None:
    """Make simulated runs, then time the report of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("methods", 10), ("seeds", 5), ("texts", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        experiment = Path(folder) / "experiment"
        texts = [f"a text of the length of a tweet, with number {row}, " * 2 for row in range(wanted.texts)]
        split = Split(texts, np.arange(wanted.texts) % 3, NAMES)
        splits = {"train": split, "validation": split, "test": split}
        keep_texts(experiment, TextDataset("made up", NAMES, splits))
        for method in range(wanted.methods):
            for seed in range(wanted.seeds):
                accuracy = 0.5 + 0.4 * method / wanted.methods
                make_run(experiment, f"m{method}", accuracy, seed, split.digest, wanted.texts)
        started, processor = time.perf_counter(), time.process_time()
        reported = report([experiment], ReportSettings(reference="m0"))
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        size = reported.files[0].stat().st_size
    n_runs = wanted.methods * wanted.seeds
    print(
        f"{n_runs} runs of {wanted.texts} texts: {seconds:.1f} s ({processor:.1f} s of processor), page {size / 1e6:.1f} MB"
    )
    if seconds > GOAL_SECONDS:
        raise SystemExit(f"over the goal of {GOAL_SECONDS} s")


if __name__ == "__main__":
    main()
