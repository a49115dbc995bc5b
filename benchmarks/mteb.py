"""The published number: Banking77 by MTEB's protocol, with MiniLM's own pooling.

    python benchmarks/mteb.py path/to/banking77

Ten draws of 8 texts a label, as MTEB draws them (one list of indices, shuffled on by ``RandomState(42)`` for each draw),
and scikit-learn's logistic regression on the features that `FeatureExtractor` gives by default. MTEB publishes accuracy
0.800422 for all-MiniLM-L6-v2 (Muennighoff et al., 2023); the accuracies of the ten draws are compared to six digits.
Writes ``results/benchmarks/mteb-banking77.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections import Counter
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pandas as pd
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from featx.features.demo_checkpoint import packaged_folder
from featx.sklearn import FeatureExtractor

PUBLISHED = 0.800422
ACCURACIES = (0.798052, 0.801623, 0.812987, 0.805519, 0.791883, 0.804870, 0.790909, 0.788961, 0.809091, 0.800325)
TARGET = Path(__file__).parents[1] / "results" / "benchmarks"


def draws(labels: NDArray[np.str_], n_draws: int, per_label: int) -> list[list[int]]:
    """Return the rows of each draw, as MTEB's classification tasks choose them."""
    rows, made = list(range(len(labels))), []
    for _ in range(n_draws):
        np.random.RandomState(42).shuffle(rows)
        taken: Counter[str] = Counter()
        drawn = []
        for row in rows:
            if taken[labels[row]] < per_label:
                drawn.append(row)
                taken[labels[row]] += 1
        made.append(drawn)
    return made


def main() -> None:
    """Measure the ten draws, compare them, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    train, test = (pd.read_csv(options.folder / f"{split}.csv") for split in ("train", "test"))
    text, label = train.columns[:2]
    extractor = FeatureExtractor(str(packaged_folder()), store_layers="one").fit(train[text])
    x_train, x_test = (extractor.transform(part[text]) for part in (train, test))
    y_train, y_test = (part[label].astype(str).to_numpy(str) for part in (train, test))
    made = []
    for rows in draws(y_train, len(ACCURACIES), 8):
        model = LogisticRegression(max_iter=100, random_state=42).fit(x_train[rows], y_train[rows])
        made.append(round(float(model.score(x_test, y_test)), 6))
        print(f"draw {len(made)}: {made[-1]:.6f} (published {ACCURACIES[len(made) - 1]:.6f})", flush=True)
    write(made)


def write(made: list[float]) -> None:
    """Write the accuracies beside the published ones; stop with an error if they differ."""
    machine = f"{platform.machine()}, torch {torch.__version__}, scikit-learn {sklearn.__version__}"
    TARGET.mkdir(parents=True, exist_ok=True)
    facts = {"machine": machine, "accuracies": made, "mean": float(np.mean(made)), "published": PUBLISHED}
    (TARGET / "mteb-banking77.json").write_text(json.dumps(facts, indent=1) + "\n")
    lines = [
        "# Banking77 by MTEB's protocol, all-MiniLM-L6-v2", "", f"{machine}.", "",
        "| draw | featx | published |", "|---:|---:|---:|",
        *(f"| {n} | {a:.6f} | {b:.6f} |" for n, (a, b) in enumerate(zip(made, ACCURACIES, strict=True), 1)),
        f"| mean | {np.mean(made):.6f} | {PUBLISHED:.6f} |", "",
    ]  # fmt: skip
    (TARGET / "mteb-banking77.md").write_text("\n".join(lines))
    if made != list(ACCURACIES):
        raise SystemExit("accuracies differ from those published")


if __name__ == "__main__":
    main()
