"""How long tuning takes, against plain ``GridSearchCV(n_jobs=-1)`` on the same grids and against LazyPredict.

Features are warm. Every method on features is tuned over the layers by featx and by scikit-learn, interleaved, and the
selected scores are compared; then ``featx baseline --methods all`` with all layers and poolings is timed as a command.
LazyPredict fits each classifier once with its defaults on one layer, without tuning.

    python benchmarks/baselines.py path/to/umsab-english [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
os.environ["PYTHONWARNINGS"] = "ignore"  # those of the peers' processes

import numpy as np
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from featx.baselines import METHODS, Inputs, Method, Reads, TuningData, Workers, candidates_of, fit_best
from featx.data import load_dataset
from featx.experiment.features import extract_splits
from featx.features.demo_checkpoint import packaged_folder
from featx.session import Session
from featx.settings import Combine, DataSettings, FeatureSettings, Pooling

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"
JOBS = os.cpu_count() or 1
#: LazyPredict's names for methods that both have.
LAZY = {
    "logreg": "LogisticRegression",
    "ridge": "RidgeClassifier",
    "linear-svm": "LinearSVC",
    "lda": "LinearDiscriminantAnalysis",
    "knn": "KNeighborsClassifier",
    "gaussian-nb": "GaussianNB",
    "rbf-svm": "SVC",
    "random-forest": "RandomForestClassifier",
}


def seconds_of(run: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time of a call, and what it returned."""
    started = time.perf_counter()
    made = run()
    return time.perf_counter() - started, made


def with_featx(
    method: Method, kinds: list[tuple[int, str]], material: TuningData, folder: Path, workers: Workers
) -> float:
    """Selected score of featx over `kinds`."""
    shared = TuningData(material.inputs.on_disk(folder), material.labels, material.label_names)
    return float(fit_best(method, candidates_of(kinds, Combine.EACH), shared, 0, workers=workers).chosen.score or 0)


def with_grid_search(method: Method, material: TuningData) -> float:
    """Selected score of one ``GridSearchCV`` a kind, on the same split, and a fit of what was selected."""
    y = np.concatenate([material.labels[split] for split in ("train", "validation")])
    fold = PredefinedSplit(np.repeat([-1, 0], [len(material.labels["train"]), len(material.labels["validation"])]))
    best: tuple[float, Any, Any] = (-1.0, None, None)
    for train, validation in zip(*(material.inputs.features[s] for s in ("train", "validation")), strict=True):
        search = GridSearchCV(
            method.make(0),
            [
                {name: [value] for name, value in one.items()}
                | {name: list(values) for name, values in method.grid.items()}
                for one in method.preparations
            ],
            scoring="f1_macro",
            cv=fold,
            n_jobs=-1,
            refit=False,
        )
        search.fit(np.concatenate([train, validation]), y)
        if search.best_score_ > best[0]:
            best = float(search.best_score_), search.best_params_, train
    clone(method.make(0)).set_params(**best[1]).fit(best[2], material.labels["train"])
    return best[0]


def against_grid_search(
    material: TuningData, kinds: list[tuple[int, str]], rounds: int, names: list[str]
) -> dict[str, Any]:
    """Seconds, ratio and selected scores of each method."""
    results = {}
    workers = Workers(JOBS)  # as in the command: one pool for all methods; joblib keeps its own as well
    list(workers.map(abs, range(JOBS)))
    for name in names:
        method = METHODS[name]
        taken: list[tuple[float, float]] = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                ours, our_score = seconds_of(lambda: with_featx(method, kinds, material, Path(folder), workers))
            theirs, their_score = seconds_of(lambda: with_grid_search(method, material))
            taken.append((ours, theirs))
        results[name] = {
            "featx_seconds": statistics.median(ours for ours, _ in taken),
            "grid_search_seconds": statistics.median(theirs for _, theirs in taken),
            "ratio": statistics.median(theirs / ours for ours, theirs in taken),
            "featx_score": our_score,
            "grid_search_score": their_score,
        }
        print(name, json.dumps(results[name]), flush=True)
    workers.__exit__(None, None, None)
    return results


def against_lazypredict(material: TuningData, names: list[str]) -> dict[str, Any]:
    """Seconds of tuning by featx on one layer, and of LazyPredict's single fits on the same."""
    from lazypredict import Supervised as lazy  # noqa: N813 (a module)

    inputs, labels = material.inputs.features, material.labels
    results = {}
    available = dict(lazy.CLASSIFIERS)
    for name in names:
        if name not in LAZY:
            continue
        classifier = lazy.LazyClassifier(classifiers=[available[LAZY[name]]], verbose=0)
        theirs, table = seconds_of(
            lambda: classifier.fit(
                inputs["train"][-1], inputs["validation"][-1], labels["train"], labels["validation"]
            )[0]
        )
        only = TuningData(
            Inputs({}, {split: arrays[-1:] for split, arrays in inputs.items()}), labels, material.label_names
        )
        ours, fitted = seconds_of(lambda: fit_best(METHODS[name], candidates_of([(0, "cls")], Combine.EACH), only, 0))
        results[name] = {
            "featx_seconds": ours,
            "featx_fits": len(fitted.trials),
            "lazypredict_seconds": theirs,
            "lazypredict_fits": 1,
            "lazypredict_rows": len(table),
        }
        print("lazypredict", name, json.dumps(results[name]), flush=True)
    return results


def whole_command(tweets: str, cache: Path, methods: str) -> float:
    """Seconds of ``featx baseline`` with all layers and both poolings, start-up included, features warm."""
    with tempfile.TemporaryDirectory() as results:
        command = [
            sys.executable, "-m", "featx", "baseline", "--dataset", tweets, "--checkpoint", str(packaged_folder()),
            "--layer", "all", "--pooling", "cls,mean", "--methods", methods, "--cache-dir", str(cache),
            "--results", results, "--quiet",
        ]  # fmt: skip
        return seconds_of(lambda: subprocess.run(command, check=True, capture_output=True))[0]


def table(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    machine = results["machine"]
    lines = [
        "# Tuning of the baselines",
        "",
        f"{machine['cpu_count']} cores ({machine['machine']}), scikit-learn {machine['scikit-learn']}; UMSAB English "
        f"tweets, MiniLM, {results['n_kinds']} layers (cls), features warm, medians of {results['rounds']} rounds.",
        "",
        "| method | fits | featx s | GridSearchCV s | ratio | score featx | score GridSearchCV |",
        "|:---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in results["grid_search"].items():
        n = results["n_kinds"] * int(np.prod([len(v) for v in METHODS[name].grid.values()]))
        lines.append(
            f"| {name} | {n} | {row['featx_seconds']:.1f} | {row['grid_search_seconds']:.1f} | {row['ratio']:.1f} | "
            f"{row['featx_score']:.3f} | {row['grid_search_score']:.3f} |"
        )
    total = [
        sum(row[key] for row in results["grid_search"].values()) for key in ("featx_seconds", "grid_search_seconds")
    ]
    lines.append(f"| all together | | {total[0]:.1f} | {total[1]:.1f} | {total[1] / total[0]:.1f} | | |")
    if results["lazypredict"]:
        lines += [
            "",
            "LazyPredict fits each classifier once, with its defaults; featx tunes it (one layer, one process):",
            "",
        ]
        lines += ["| method | featx s | fits | LazyPredict s | fits |", "|:---|---:|---:|---:|---:|"]
        for name, row in results["lazypredict"].items():
            lines.append(
                f"| {name} | {row['featx_seconds']:.2f} | {row['featx_fits']} | {row['lazypredict_seconds']:.2f} | 1 |"
            )
    if results["whole_command_seconds"]:
        seconds = ", ".join(f"{value:.0f}" for value in results["whole_command_seconds"])
        lines += ["", f"`featx baseline --methods all --layer all --pooling cls,mean` with warm features: {seconds} s."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tweets")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache-dir", type=Path)
    parser.add_argument("--methods", help="only these, and not the whole command")
    parser.add_argument("--quick", action="store_true", help="two layers, two methods, one round, nothing written")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        cache = options.cache_dir or Path(temporary)
        dataset = load_dataset(DataSettings(options.tweets))
        settings = FeatureSettings(None, (Pooling.CLS, Pooling.MEAN))
        session = Session(dataset, packaged_folder(), cache_dir=cache)
        extracted = extract_splits(session, list(dataset.splits), settings)
        cls = [k for k, spec in enumerate(extracted.specs) if spec.pooling is Pooling.CLS]
        cls = cls[-2:] if options.quick else cls
        features = {name: [extracted.of(name, k) for k in cls] for name in ("train", "validation")}
        labels = {name: dataset.splits[name].labels for name in ("train", "validation")}
        material = TuningData(Inputs({}, features), labels, dataset.label_names)
        names = (
            ["ridge", "logreg"] if options.quick else [m.name for m in METHODS.values() if m.reads is Reads.FEATURES]
        )
        if options.methods:
            names = options.methods.split(",")
        rounds = 1 if options.quick else options.rounds
        kinds = [(extracted.specs[k].layer, "cls") for k in cls]
        whole = [
            whole_command(options.tweets, cache, "majority" if options.quick else "all")
            for _ in range(0 if options.methods else rounds)
        ]
        print("whole command", whole, flush=True)
        results = {
            "machine": {
                "cpu_count": os.cpu_count(),
                "machine": platform.machine(),
                "scikit-learn": sklearn.__version__,
                "numpy": np.__version__,
            },
            "n_kinds": len(kinds),
            "rounds": rounds,
            "whole_command_seconds": whole,
            "grid_search": against_grid_search(material, kinds, rounds, names),
            "lazypredict": against_lazypredict(material, names),
        }
    print(table(results))
    if not options.quick:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "baselines.json").write_text(json.dumps(results, indent=1) + "\n")
        (RESULTS / "baselines.md").write_text(table(results))


if __name__ == "__main__":
    main()
