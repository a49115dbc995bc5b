"""Time and peak memory of extraction at 10^4, 10^5 and 10^6 texts with a tiny encoder, local and by Ray.

    python benchmarks/scale.py [--texts 10000,100000,1000000] [--quick]

The encoder is tiny so that everything else shows: reading, digests, look-ups, tokenising, commits, and Ray's scheduling.
Each measurement is a process of its own; memory is the high-water mark of its resident memory (for Ray that of the driver
and, apart, of the largest worker). What should come out: time grows linearly with the texts, memory does not but for the
20 bytes a text of the look-up and the 16 of the digests. Writes ``results/benchmarks/scale.{json,md}``, unless ``--quick``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "results" / "benchmarks"
ENGINES = ("local", "ray 1", "ray 2")

WORK = """
import sys, time
from pathlib import Path
from featx.settings import ComputeSettings, Device, FeatureSettings, RaySettings
from featx.features.checkpoint import find_checkpoint
from featx.features.engine import open_engine
folder, n, cache, engine, workers = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
checkpoint, settings = find_checkpoint(folder, cache), FeatureSettings()
texts = (f"text number {i} of many" for i in range(n))
ray = RaySettings(engine=engine, ray_workers=workers or None)
with open_engine(checkpoint, settings, ComputeSettings(Device.CPU), cache, ray) as opened:
    encoded = opened.encode(texts)
assert encoded.counts.encoded == n, encoded.counts
# Not getrusage: its high-water mark is inherited from the parent process.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(encoded.counts.extract_seconds, int(status["VmHWM"].split()[0]) / 1024)
"""


def tiny_model(folder: Path) -> Path:
    from transformers import AutoTokenizer, BertConfig, BertModel

    from featx.features.checkpoint import quiet_transformers
    from featx.features.demo_checkpoint import packaged_folder

    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    with quiet_transformers():
        BertModel(config).save_pretrained(folder)
        AutoTokenizer.from_pretrained(packaged_folder()).save_pretrained(folder)
    return folder


def worker_peak(parent: int) -> float:
    """High-water mark, in MiB, of the largest of our Ray workers below the process `parent`."""
    import psutil

    largest = 0.0
    try:
        for process in psutil.Process(parent).children(recursive=True):
            try:
                if "ray::Worker" in " ".join(process.cmdline()):
                    status = Path(f"/proc/{process.pid}/status").read_text()
                    largest = max(largest, int(status.split("VmHWM:")[1].split()[0]) / 1024)
            except (psutil.Error, OSError, IndexError):
                continue
    except psutil.Error:
        pass
    return largest


def measure(engine: str, n: int, folder: Path) -> dict[str, Any]:
    name, _, workers = engine.partition(" ")
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", WORK, str(folder), str(n), cache, name, workers or "1"]
        started, peak = time.perf_counter(), 0.0
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        while process.poll() is None:
            peak = max(peak, worker_peak(process.pid))
            time.sleep(0.5)
        whole = time.perf_counter() - started
        assert process.stdout is not None
        out = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{engine} with {n} texts failed")
    seconds, memory = map(float, out.split()[-2:])
    return {
        "engine": engine,
        "texts": n,
        "extract_seconds": seconds,
        "whole_seconds": whole,
        "texts_per_second": n / seconds,
        "peak_mib": memory,
        "worker_peak_mib": peak or None,
    }


def table(rows: list[dict[str, Any]], machine: str) -> str:
    lines = [
        "# Scale", "", machine, "",
        "| engine | texts | seconds | texts/s | with start-up, s | peak MiB | largest worker, MiB |",
        "|:---|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for row in rows:
        worker = "" if row["worker_peak_mib"] is None else f"{row['worker_peak_mib']:.0f}"
        lines.append(
            f"| {row['engine']} | {row['texts']:,} | {row['extract_seconds']:.1f} | {row['texts_per_second']:.0f} | "
            f"{row['whole_seconds']:.1f} | {row['peak_mib']:.0f} | {worker} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="10000,100000,1000000")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--quick", action="store_true", help="1,000 and 4,000 texts, nothing written")
    options = parser.parse_args()
    sizes = [1_000, 4_000] if options.quick else [int(part) for part in options.texts.split(",")]
    import torch

    machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}; a tiny encoder, 32 wide."
    with tempfile.TemporaryDirectory() as work:
        folder = tiny_model(Path(work) / "tiny")
        rows = []
        for engine in options.engines.split(","):
            for n in sizes:
                rows.append(measure(engine, n, folder))
                print(json.dumps(rows[-1]), file=sys.stderr)
    if not options.quick:
        TARGET.mkdir(parents=True, exist_ok=True)
        (TARGET / "scale.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
        (TARGET / "scale.md").write_text(table(rows, machine))
    print(table(rows, machine))


if __name__ == "__main__":
    main()
