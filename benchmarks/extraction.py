"""Extraction against its peers, interleaved in one run: medians of paired ratios, never single timings.

    python benchmarks/extraction.py path/to/umsab-english [--rounds 5] [--quick]

Peers: the loop that users copy (pad all to the longest, batches of 16), Transformers' feature-extraction pipeline, and
sentence-transformers with the same pooling (its default batch of 32, and its best of 16/32/64/128). Data: tweets, and
tweets joined to log-normal lengths of 8 to 512 tokens. Models: MiniLM's real weights, and a random model of
DistilBERT-base's shape. Also measured: the machine's own matrix-multiply rate, of which extraction reaches a share
(2 x parameters of the layers x real tokens / seconds); peak memory; start-up. Where there is a CUDA device, featx
against sentence-transformers on it as well, at each type, with the share of featx's time in which the encoder waited for
tokens; ``--gpu-only`` measures that alone and keeps the rest. Writes ``results/benchmarks/extraction.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import numpy as np
import torch
import transformers
from transformers import AutoModel, AutoTokenizer, DistilBertConfig, DistilBertModel

from featx.data import load_dataset
from featx.features.checkpoint import find_checkpoint, quiet_transformers
from featx.features.demo_checkpoint import packaged_folder
from featx.features.encoder import load_encoder
from featx.features.extraction import Extractor
from featx.settings import ComputeSettings, DataSettings, Device, Dtype, FeatureSettings

TARGET = Path(__file__).parents[1] / "results" / "benchmarks"
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Task:
    """Texts to encode with a checkpoint; `tokens` counts the real ones, specials included."""

    name: str
    folder: Path
    texts: list[str]
    tokens: int


def distilbert_shape(folder: Path) -> Path:
    """A random model of DistilBERT-base's shape with the packaged tokenizer (the same vocabulary)."""
    torch.manual_seed(0)
    with quiet_transformers():
        DistilBertModel(DistilBertConfig()).save_pretrained(folder)
        AutoTokenizer.from_pretrained(packaged_folder()).save_pretrained(folder)
    return folder


def mixed_lengths(tweets: list[str], tokenizer: Any, n: int) -> list[str]:
    """Tweets joined until each text has a log-normal number of tokens between 8 and 512."""
    rng = np.random.default_rng(0)
    wanted = np.clip(rng.lognormal(np.log(60), 0.9, n), 8, 512).astype(int)
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in tweets]
    texts = []
    for length in wanted:
        joined: list[int] = []
        while len(joined) < length - 2:
            joined += ids[rng.integers(len(ids))]
        texts.append(tokenizer.decode(joined[: length - 2]))
    return texts


def loop(task: Task) -> Callable[[], np.ndarray]:
    """The loop that users copy: pad all to the longest of the set, batches of 16."""
    tokenizer, model = (
        AutoTokenizer.from_pretrained(task.folder),
        AutoModel.from_pretrained(task.folder, dtype=torch.float32).eval(),
    )

    def run() -> np.ndarray:
        inputs = tokenizer(task.texts, padding=True, truncation=True, max_length=512, return_tensors="pt")
        made = []
        with torch.no_grad():
            for start in range(0, len(task.texts), 16):
                part = {key: inputs[key][start : start + 16] for key in ("input_ids", "attention_mask")}
                made.append(model(**part).last_hidden_state[:, 0].numpy())
        return np.concatenate(made)

    return run


def pipeline(task: Task) -> Callable[[], np.ndarray]:
    """Transformers' own pipeline, batches of 16."""
    tokenizer = AutoTokenizer.from_pretrained(task.folder)
    made = transformers.pipeline(
        "feature-extraction", model=AutoModel.from_pretrained(task.folder, dtype=torch.float32), tokenizer=tokenizer, device=-1,
    )  # fmt: skip
    settings = {"truncation": True, "max_length": 512}
    return lambda: np.array([x[0][0] for x in made(task.texts, batch_size=16, tokenize_kwargs=settings)], np.float32)


def sentence_transformers(task: Task, dtype: str, batch: int) -> Callable[[], np.ndarray]:
    """sentence-transformers' encode with first-token pooling."""
    from sentence_transformers import SentenceTransformer, models

    word = models.Transformer(str(task.folder), max_seq_length=512, model_kwargs={"dtype": TYPES[dtype]})
    model = SentenceTransformer(
        modules=[word, models.Pooling(word.get_embedding_dimension(), pooling_mode="cls")], device="cpu"
    )
    return lambda: np.asarray(
        model.encode(task.texts, batch_size=batch, show_progress_bar=False, convert_to_numpy=True), np.float32
    )


def featx(task: Task, dtype: str) -> Callable[[], np.ndarray]:
    """Featx with a store in an empty folder: tokenising, encoding, committing and gathering."""
    checkpoint = find_checkpoint(str(task.folder), Path("unused"))
    settings = FeatureSettings(dtype=Dtype(dtype), max_length=512)
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))

    def run() -> np.ndarray:
        with tempfile.TemporaryDirectory() as cache:
            return Extractor(encoder, checkpoint, settings, Path(cache)).encode(task.texts).gather()

    return run


def on_gpu(task: Task, rounds: int) -> dict[str, Any]:
    """Featx against sentence-transformers' best batch on CUDA, at each type, interleaved."""
    from sentence_transformers import SentenceTransformer, models

    checkpoint = find_checkpoint(str(task.folder), Path("unused"))
    results: dict[str, Any] = {}
    for dtype, kind in {**TYPES, "float16": torch.float16}.items():
        word = models.Transformer(str(task.folder), max_seq_length=512, model_kwargs={"dtype": kind})
        peer = SentenceTransformer(
            modules=[word, models.Pooling(word.get_embedding_dimension(), pooling_mode="cls")], device="cuda"
        )
        settings = FeatureSettings(dtype=Dtype(dtype), max_length=512)
        encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CUDA))
        waited = []

        def ours(encoder: Any = encoder, settings: Any = settings, waited: list[float] = waited) -> np.ndarray:
            with tempfile.TemporaryDirectory() as cache:
                encoded = Extractor(encoder, checkpoint, settings, Path(cache)).encode(task.texts)
                waited.append(encoded.counts.waiting_seconds / encoded.counts.extract_seconds)
                return encoded.gather()

        def theirs(batch: int, peer: Any = peer) -> np.ndarray:
            made = peer.encode(task.texts, batch_size=batch, show_progress_bar=False, convert_to_numpy=True)
            return np.asarray(made, np.float32)

        mine, reference = ours(), theirs(64)
        error = float((np.linalg.norm(mine - reference, axis=1) / np.linalg.norm(reference, axis=1)).max())
        best = min((32, 64, 128, 256, 512), key=lambda batch: seconds_of(lambda: theirs(batch)))
        waited.clear()
        pairs = [
            (seconds_of(ours), seconds_of(lambda: theirs(32)), seconds_of(lambda: theirs(best))) for _ in range(rounds)
        ]
        results[dtype] = {
            "texts_per_second": len(task.texts) / statistics.median(pair[0] for pair in pairs),
            "times_sentence_transformers": statistics.median(pair[1] / pair[0] for pair in pairs),
            "times_sentence_transformers_best": statistics.median(pair[2] / pair[0] for pair in pairs),
            "best_batch": best,
            "waiting_share": statistics.median(waited),
            "largest_relative_error": error,
        }
    return results


def measure_gpu(tweets: list[str], tokenizer: Any, folders: dict[str, Path], rounds: int) -> dict[str, Any] | str:
    """Every model and set of texts on CUDA; says so where there is no such device."""
    if not torch.cuda.is_available():
        return "unmeasured; there is no CUDA device here"
    sets = {"tweets": (tweets * 20)[:32_768], "mixed lengths": mixed_lengths(tweets, tokenizer, 8_192)}
    tasks = {
        f"{model}, {name}": on_gpu(Task(name, folder, [f"{i} {text}" for i, text in enumerate(texts)], 0), rounds)
        for model, folder in folders.items()
        for name, texts in sets.items()
    }
    return {"device": torch.cuda.get_device_name(), "tasks": tasks}


def gpu_lines(gpu: dict[str, Any] | str) -> list[str]:
    """What was measured on CUDA, as Markdown."""
    if isinstance(gpu, str):
        return [f"GPU: {gpu}.", ""]
    lines = [f"## On {gpu['device']}", ""]
    lines += ["| task | type | texts/s | x sentence-transformers | x its best batch | waiting for tokens | error |"]
    lines += ["|:---|:---|---:|---:|---:|---:|---:|"]
    for name, types in gpu["tasks"].items():
        lines += [
            f"| {name} | {dtype} | {row['texts_per_second']:.0f} | {row['times_sentence_transformers']:.2f} | "
            f"{row['times_sentence_transformers_best']:.2f} ({row['best_batch']}) | {row['waiting_share']:.0%} | "
            f"{row['largest_relative_error']:.1e} |"
            for dtype, row in types.items()
        ]
    slow = max(row["waiting_share"] for types in gpu["tasks"].values() for row in types.values())
    if slow > 0.2:
        lines += ["", f"Tokenising is the bottleneck somewhere: the encoder waited for up to {slow:.0%} of the time."]
    return [*lines, ""]


def seconds_of(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def best_batch(task: Task, dtype: str) -> int:
    """Fastest batch of sentence-transformers on a part of the texts: the better of two runs for each."""
    timed = {}
    part = Task(task.name, task.folder, task.texts[:: max(1, len(task.texts) // 200)], 0)
    for batch in (16, 32, 64, 128):
        run = sentence_transformers(part, dtype, batch)
        timed[batch] = min(seconds_of(run), seconds_of(run))
    return min(timed, key=timed.__getitem__)


def matmul_rate(dtype: str, width: int) -> Callable[[], float]:
    """Floating-point operations a second of plain matrix products of the feed-forward's shape."""
    a = torch.randn(2048, width).to(TYPES[dtype])
    b = torch.randn(width, 4 * width).to(TYPES[dtype])
    n = max(2, int(4e10 / (2 * 2048 * width * 4 * width)))

    def run() -> float:
        started = time.perf_counter()
        for _ in range(n):
            torch.mm(a, b)
        return 2 * 2048 * width * 4 * width * n / (time.perf_counter() - started)

    return run


def layer_parameters(folder: Path) -> int:
    model = AutoModel.from_pretrained(folder, dtype=torch.float32)
    return sum(p.numel() for name, p in model.named_parameters() if ".layer." in name and p.ndim == 2)


def measure(task: Task, rounds: int) -> dict[str, Any]:
    """Every peer once a round, in turn; ratios are taken within rounds."""
    batches = {dtype: best_batch(task, dtype) for dtype in TYPES}
    runs: dict[str, Callable[[], Any]] = {"loop": loop(task), "pipeline": pipeline(task)}
    for dtype in TYPES:
        runs[f"sentence-transformers {dtype} batch 32"] = sentence_transformers(task, dtype, 32)
        if batches[dtype] != 32:
            runs[f"sentence-transformers {dtype} batch {batches[dtype]}"] = sentence_transformers(
                task, dtype, batches[dtype]
            )
        runs[f"featx {dtype}"] = featx(task, dtype)
    reference = runs["loop"]()
    errors = {}
    for name, run in runs.items():
        made = run()  # warm-up, and proof that all compute the same
        errors[name] = float((np.linalg.norm(made - reference, axis=1) / np.linalg.norm(reference, axis=1)).max())
    width = int(reference.shape[1])
    rates = {dtype: matmul_rate(dtype, width) for dtype in TYPES}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    flops: dict[str, list[float]] = {dtype: [] for dtype in TYPES}
    for _ in range(rounds):
        for name, run in runs.items():
            seconds[name].append(seconds_of(run))
        for dtype, rate in rates.items():
            flops[dtype].append(rate())
    work = 2 * layer_parameters(task.folder) * task.tokens
    result: dict[str, Any] = {"texts": len(task.texts), "tokens": task.tokens, "rounds": rounds, "methods": {}}
    for name in runs:
        result["methods"][name] = {
            "texts_per_second": len(task.texts) / statistics.median(seconds[name]),
            "times_the_loop": statistics.median(a / b for a, b in zip(seconds["loop"], seconds[name], strict=True)),
            "largest_relative_error": errors[name],
        }
    for dtype in TYPES:
        peers = [name for name in runs if name.startswith(f"sentence-transformers {dtype}")]
        ours = seconds[f"featx {dtype}"]
        row = result["methods"][f"featx {dtype}"]
        row["times_sentence_transformers_best"] = min(
            statistics.median(a / b for a, b in zip(seconds[peer], ours, strict=True)) for peer in peers
        )
        row["share_of_matmul_rate"] = statistics.median(
            work / s / rate for s, rate in zip(ours, flops[dtype], strict=True)
        )
        result[f"matmul_gflops_{dtype}"] = statistics.median(flops[dtype]) / 1e9
    return result


MEMORY = """
import sys
from pathlib import Path
import torch
from transformers import BertConfig, BertModel, AutoTokenizer
sys.path.insert(0, sys.argv[3])
from featx.settings import *
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.extraction import Extractor
folder, n, cache = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[4])
checkpoint = find_checkpoint(str(folder), cache)
encoder = load_encoder(checkpoint, FeatureSettings(), ComputeSettings(Device.CPU))
Extractor(encoder, checkpoint, FeatureSettings(), cache).encode(f"text number {i} of many" for i in range(n))
# Not getrusage: its high-water mark is inherited from the parent process.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) / 1024)
"""


def peak_memory(n: int, tiny: Path) -> float:
    """Peak resident memory, in MiB, of a process that extracts `n` texts with a tiny encoder."""
    with tempfile.TemporaryDirectory() as cache:
        root = str(Path(__file__).parents[1])
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(tiny), str(n), root, cache], capture_output=True, text=True, check=True
        )
    return float(done.stdout.split()[-1])


def tiny_model(folder: Path) -> Path:
    from transformers import BertConfig, BertModel

    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    with quiet_transformers():
        BertModel(config).save_pretrained(folder)
        AutoTokenizer.from_pretrained(packaged_folder()).save_pretrained(folder)
    return folder


def overhead(folder: Path) -> float:
    """Seconds that the pipeline itself takes: extracting one text, less one forward pass of it."""
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    encoder = load_encoder(checkpoint, FeatureSettings(), ComputeSettings(Device.CPU))
    timed = []
    for i in range(5):
        with tempfile.TemporaryDirectory() as cache:
            text = [f"one text {i}"]
            whole = seconds_of(lambda: Extractor(encoder, checkpoint, FeatureSettings(), Path(cache)).encode(text))
        ids = [encoder.tokenizer(text)[0]]
        kinds = Extractor(encoder, checkpoint, FeatureSettings(), None).kinds
        timed.append(whole - seconds_of(lambda: encoder.encode(ids, kinds)))
    return statistics.median(timed)


def table(results: dict[str, Any]) -> str:
    lines = ["# Extraction", "", results["machine"], ""]
    for name, task in results["tasks"].items():
        lines += [
            f"## {name}: {task['texts']} texts, {task['tokens']} tokens",
            "",
            "| method | texts/s | x the loop | x sentence-transformers' best | share of matmul rate | largest relative error |",
            "|:---|---:|---:|---:|---:|---:|",
        ]
        for method, row in task["methods"].items():
            best, share = row.get("times_sentence_transformers_best"), row.get("share_of_matmul_rate")
            lines.append(
                f"| {method} | {row['texts_per_second']:.0f} | {row['times_the_loop']:.2f} | "
                f"{'' if best is None else f'{best:.2f}'} | {'' if share is None else f'{share:.0%}'} | "
                f"{row['largest_relative_error']:.1e} |"
            )
        lines.append("")
    memory = results["peak_memory_mib"]
    lines += [
        f"Peak memory with a tiny encoder: {memory['20000']:.0f} MiB at 20,000 texts, {memory['200000']:.0f} MiB at "
        f"200,000. Start-up and shut-down of the pipeline: {results['pipeline_overhead_seconds']:.3f} s.",
        "",
        *gpu_lines(results["gpu"]),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tweets")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a fifth of the texts, one round")
    parser.add_argument("--memory-only", action="store_true", help="measure memory and start-up again, keep the rest")
    parser.add_argument("--gpu-only", action="store_true", help="measure on CUDA, keep the rest")
    options = parser.parse_args()
    if options.memory_only:
        finish(json.loads((TARGET / "extraction.json").read_text()), Path(tempfile.mkdtemp()), memory=True)
        return
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    size = 5 if options.quick else 1
    rounds = 1 if options.quick else options.rounds
    work = Path(tempfile.mkdtemp())
    tokenizer = AutoTokenizer.from_pretrained(packaged_folder())
    tweets = list(load_dataset(DataSettings(options.tweets)).train.texts)
    folders = {"MiniLM": packaged_folder(), "DistilBERT-base shape": distilbert_shape(work / "distilbert")}
    if options.gpu_only:
        results = json.loads((TARGET / "extraction.json").read_text())
        results["gpu"] = measure_gpu(tweets, tokenizer, folders, rounds)
        finish(results, work, memory=False)
        return
    results = {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{torch.backends.cpu.get_cpu_capability()}, transformers {transformers.__version__}",
        "tasks": {},
    }
    for model, folder in folders.items():
        small = model != "MiniLM"
        sets = {
            "tweets": tweets[: (600 if small else len(tweets)) // size],
            "mixed lengths": mixed_lengths(tweets, tokenizer, (160 if small else 400) // size),
        }
        for name, texts in sets.items():
            tokens = sum(map(len, tokenizer(texts, truncation=True, max_length=512)["input_ids"]))
            results["tasks"][f"{model}, {name}"] = measure(Task(name, folder, texts, tokens), rounds)
            print(f"{model}, {name}: done", file=sys.stderr)
    results["gpu"] = measure_gpu(tweets, tokenizer, folders, rounds)
    finish(results, work, memory=True)


def finish(results: dict[str, Any], work: Path, memory: bool) -> None:
    """Measure memory and start-up if asked to, write the files, print the table."""
    if memory:
        tiny = tiny_model(work / "tiny")
        results["peak_memory_mib"] = {str(n): peak_memory(n, tiny) for n in (20_000, 200_000)}
        results["pipeline_overhead_seconds"] = overhead(tiny)
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "extraction.json").write_text(json.dumps(results, indent=1) + "\n")
    (TARGET / "extraction.md").write_text(table(results))
    shutil.rmtree(work)
    print(table(results))


if __name__ == "__main__":
    main()
