"""The store against one plain ``.npy`` file and against `datasets`: look-up, gather, commit.

    python benchmarks/store.py [--rows 1000000] [--rounds 5]

Reading in request order is measured in the same round as ``numpy.load`` of one file with the same bytes (both from a
warm page cache) and as `datasets` (a warm ``map`` cache, then ``with_format("numpy")``). Writes
``results/benchmarks/store.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np

from featx.features.spec import FeatureSpec
from featx.features.store import FeatureStore
from featx.features.store.maintenance import compact
from featx.settings import Dtype, Pooling

TARGET = Path(__file__).parents[1] / "results" / "benchmarks"
WIDTH = 384
SPEC = FeatureSpec("checkpoint", "tokenizer", 512, 6, Pooling.CLS, Dtype.FLOAT32)
SHARD_ROWS = 16_384


def seconds_of(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    n = options.rows
    rng = np.random.default_rng(0)
    features = rng.normal(size=(n, WIDTH)).astype(np.float32)
    digests = rng.integers(0, 2**64, size=(n, 2), dtype=np.uint64)
    results: dict[str, Any] = {"rows": n, "hidden_size": WIDTH, "rounds": options.rounds}
    with tempfile.TemporaryDirectory() as folder:
        cache, plain = Path(folder) / "cache", Path(folder) / "plain.npy"
        store = FeatureStore(cache, SPEC, WIDTH)
        committed = []
        for start in range(0, n, SHARD_ROWS):
            part = slice(start, start + SHARD_ROWS)
            committed.append(seconds_of(lambda part=part: store.put(digests[part], features[part], {})))
        results["commit_seconds_per_shard"] = statistics.median(committed)
        results["commit_mib_per_second"] = SHARD_ROWS * WIDTH * 4 / 2**20 / statistics.median(committed)
        np.save(plain, features)
        shuffled = rng.permutation(n)

        def open_and_find(order: np.ndarray) -> tuple[FeatureStore, np.ndarray]:
            opened = FeatureStore(cache, SPEC, WIDTH)
            return opened, opened.find(digests[order])

        def read(order: np.ndarray) -> np.ndarray:
            opened, rows = open_and_find(order)
            return opened.gather(rows)

        in_order = np.arange(n)
        assert np.array_equal(read(shuffled), features[shuffled])
        warm = FeatureStore(cache, SPEC, WIDTH)
        datasets_read, share = _datasets_reader(features, Path(folder))
        runs = {
            "numpy.load": lambda: np.load(plain),
            "numpy.load, then reordered": lambda: np.load(plain)[shuffled],
            "featx, open": lambda: FeatureStore(cache, SPEC, WIDTH),
            "featx, look-up": lambda: warm.find(digests[shuffled]),
            "featx, gather in stored order": lambda: warm.gather(in_order),
            "featx, gather shuffled": lambda: warm.gather(shuffled),
            "featx, open, look up and gather in stored order": lambda: read(in_order),
            "datasets, numpy format": datasets_read,
        }
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(options.rounds):
            for name, run in runs.items():
                seconds[name].append(seconds_of(run) / (share if name == "datasets, numpy format" else 1))
        results["seconds"] = {name: statistics.median(times) for name, times in seconds.items()}
        results["times_numpy_load"] = {
            name: statistics.median(a / b for a, b in zip(times, seconds["numpy.load"], strict=True))
            for name, times in seconds.items()
        }
        index_bytes = sum(run.first.nbytes + run.second.nbytes + run.rows.nbytes for run in warm._index._runs)
        results["index_bytes_per_text"] = index_bytes / n
        results["shards"] = compact(cache)
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "store.json").write_text(json.dumps(results, indent=1) + "\n")
    lines = [
        f"# Store: {n:,} x {WIDTH} float32, medians of {options.rounds} rounds",
        "",
        "| what | seconds | x numpy.load |",
        "|:---|---:|---:|",
        *(f"| {name} | {s:.3f} | {results['times_numpy_load'][name]:.2f} |" for name, s in results["seconds"].items()),
        "",
        f"Committing a shard of {SHARD_ROWS:,} texts: {results['commit_seconds_per_shard']:.3f} s "
        f"({results['commit_mib_per_second']:.0f} MiB/s, fsyncs included). Index: "
        f"{results['index_bytes_per_text']:.1f} bytes a text.",
        "",
    ]
    (TARGET / "store.md").write_text("\n".join(lines))
    print("\n".join(lines))


def _datasets_reader(features: np.ndarray, folder: Path) -> tuple[Callable[[], Any], float]:
    """Reading of a data set that `map` made and cached, and the share of the rows that it has."""
    import datasets

    datasets.disable_progress_bars()
    part = features[:100_000]
    made = datasets.Dataset.from_dict({"row": list(range(len(part)))}).map(
        lambda rows: {"features": part[rows["row"]]},
        batched=True,
        batch_size=10_000,
        cache_file_name=str(folder / "datasets.arrow"),
        features=datasets.Features(
            {"row": datasets.Value("int64"), "features": datasets.List(datasets.Value("float32"), length=WIDTH)}
        ),
    )
    view = made.with_format("numpy", columns=["features"])
    return lambda: view[:]["features"], len(part) / len(features)


if __name__ == "__main__":
    main()
