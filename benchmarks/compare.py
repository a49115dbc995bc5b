"""``featx compare`` on real data sets: how many answers are decided, and how far its forecasts are off.

    python benchmarks/compare.py path/to/data [--budget 20m] [--sets umsab-english,sst2,trec,customer-reviews]

Runs the command as a user would, with MiniLM, one set after the other, in a folder that is kept: the same call goes on.
Texts, weights and runs are not kept in the project; reports, ledgers and ``results/compare/summary.{json,md}`` are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from featx.features.demo_checkpoint import packaged_folder
from featx.markup import duration

TARGET = Path(__file__).parents[1] / "results" / "compare"
SETS = "umsab-english,sst2,trec,customer-reviews"
KEPT = ("report/report.md", "report/table.csv", "compare.json")


def compare(name: str, folder: Path, budget: str, work: Path) -> dict[str, Any]:
    """Run the command on one set; return what came out."""
    command = [
        sys.executable, "-m", "featx", "compare", "--dataset", str(folder / name), "--checkpoint",
        str(packaged_folder()), "--budget", budget, "--results", str(work / "results"), "--experiment", name,
        "--cache-dir", str(work / "cache"), "--no-texts",
    ]  # fmt: skip
    subprocess.run(command, check=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    made = work / "results" / name
    (TARGET / name).mkdir(parents=True, exist_ok=True)
    places = {str(folder.resolve()): "data", str(folder): "data", str(packaged_folder()): "all-MiniLM-L6-v2"}
    places |= {str(work.resolve()): "compare-work"}

    def without_places(text: str) -> str:
        for place, word in places.items():
            text = text.replace(place, word)
        return text

    for part in KEPT:
        (TARGET / name / Path(part).name).write_text(without_places((made / part).read_text()))
    ledger = json.loads((made / "compare.json").read_text())
    table = json.loads((made / "report" / "table.json").read_text())
    expected, taken = (sum(step[k] for step in ledger["steps"]) for k in ("forecast_seconds", "seconds"))
    headline = table["headline"]
    return {
        "set": name,
        "verdict": headline and headline["verdict"],
        "decided": ledger["ended"] == "decided",
        "ended": ledger["ended"],
        "classical": headline and headline["classical"],
        "difference": headline and headline["difference"],
        "low": headline and headline["low"],
        "high": headline and headline["high"],
        "seconds": ledger["seconds"],
        "forecast_error": expected / taken - 1,
        "answer": [without_places(sentence) for sentence in table["answer"]],
    }


def summary(rows: list[dict[str, Any]], machine: str, budget: str) -> str:
    """Return the results as Markdown."""
    lines = [
        "# featx compare on real data sets", "", f"{machine}; MiniLM (6 layers, 384 wide), budget {budget} each.", "",
        "| set | verdict | fine-tuning minus | difference (95 %) | time | ended | forecast off by |",
        "|:---|:---|:---|---:|---:|:---|---:|",
    ]  # fmt: skip
    for row in rows:
        gap = "" if row["difference"] is None else f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
        lines.append(
            f"| {row['set']} | {row['verdict'] or 'none'} | {row['classical'] or ''} | {gap} | "
            f"{duration(row['seconds'])} | {row['ended']} | {row['forecast_error']:+.0%} |"
        )
    decided = sum(row["decided"] for row in rows)
    lines += ["", f"Decided: {decided} of {len(rows)}.", ""]
    for row in rows:
        lines += [f"## {row['set']}", "", *row["answer"], ""]
    return "\n".join(lines)


def main() -> None:
    """Compare on each set; write the summary after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--budget", default="20m")
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--work", type=Path, default=Path("compare-work"))
    options = parser.parse_args()
    capability = torch.backends.cpu.get_cpu_capability()
    machine = f"{platform.machine()} ({capability}), {torch.get_num_threads()} threads, torch {torch.__version__}"
    known = TARGET / "summary.json"
    rows = {row["set"]: row for row in (json.loads(known.read_text())["rows"] if known.is_file() else [])}
    for name in options.sets.split(","):
        rows[name] = compare(name, options.folder, options.budget, options.work)
        known.write_text(json.dumps({"machine": machine, "rows": list(rows.values())}, indent=1) + "\n")
        (TARGET / "summary.md").write_text(summary(list(rows.values()), machine, options.budget))


if __name__ == "__main__":
    main()
