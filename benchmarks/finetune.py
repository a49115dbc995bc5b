"""Fine-tuning against the Trainer call of the course: the same checkpoint, texts, epochs, batch size and seed.

    python benchmarks/finetune.py path/to/umsab-english [--rounds 3] [--epochs 2] [--learning-rate 1e-4] [--quick]

The course's call pads every text to the longest of the whole set and computes in float32; featx pads each batch of like
lengths to its own longest text, in float32 and in bfloat16 by autocast. Each round runs all three, one after the
other, with a seed of its own; ratios are taken within rounds, so that a machine that is now faster and now slower does
not make them up. Both sides evaluate validation after each epoch and write no checkpoints. Test macro-F1 is compared
pairwise on the same texts, with a bootstrap interval. Writes ``results/benchmarks/finetune.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import transformers
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

from featx.data import Split, TextDataset, load_dataset
from featx.evaluation import Predictions, measure
from featx.features.checkpoint import find_checkpoint
from featx.features.demo_checkpoint import packaged_folder
from featx.settings import DataSettings, Dtype, FinetuneSettings
from featx.training import finetune

TARGET = Path(__file__).parents[1] / "results" / "benchmarks"
#: Ratios to the course's call that are the goal on two cores.
GOALS = {"float32": 1.7, "bfloat16": 2.8}
COURSE = "course"


class Padded(torch.utils.data.Dataset):
    """Texts of a split, all padded to one length: that of the longest text of the whole set."""

    def __init__(self, inputs: dict[str, torch.Tensor], labels: np.ndarray) -> None:
        self.inputs, self.labels = inputs, torch.from_numpy(labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
        return {name: values[row] for name, values in self.inputs.items()} | {"labels": self.labels[row]}


def course(data: TextDataset, settings: FinetuneSettings, seed: int) -> tuple[float, np.ndarray]:
    """Seconds of training, and labels of the test texts."""
    folder = str(packaged_folder())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [text for split in data.splits.values() for text in split.texts]
    inputs = tokenizer(texts, padding=True, truncation=True, max_length=512, return_tensors="pt")
    splits, start = {}, 0
    for name, split in data.splits.items():
        part = slice(start, start + len(split))
        splits[name] = Padded({key: values[part] for key, values in inputs.items()}, split.labels)
        start += len(split)
    transformers.set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=data.n_classes, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch, num_train_epochs=settings.num_train_epochs, learning_rate=settings.learning_rate,
            per_device_train_batch_size=settings.per_device_train_batch_size, per_device_eval_batch_size=16,
            weight_decay=settings.weight_decay, eval_strategy="epoch", save_strategy="no", disable_tqdm=True,
            report_to="none", use_cpu=True, seed=seed, dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = Trainer(
            model=model, args=arguments, train_dataset=splits["train"], eval_dataset=splits["validation"],
            compute_metrics=lambda output: {"accuracy": float((output.predictions.argmax(1) == output.label_ids).mean())},
        )  # fmt: skip
        trainer.remove_callback(transformers.PrinterCallback)
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
        return seconds, trainer.predict(splits["test"]).predictions.argmax(axis=1)


def featx(data: TextDataset, settings: FinetuneSettings, seed: int) -> tuple[float, np.ndarray]:
    """The same with featx, tokenising included in neither."""
    made = finetune(find_checkpoint(str(packaged_folder()), Path("unused")), data, settings, seed, "cpu")
    return made.fit_seconds, made.predict(data.test)[0].y_pred


def macro_f1(data: TextDataset, y_pred: np.ndarray) -> float:
    made = Predictions(data.test.labels, np.asarray(y_pred, np.int64), None, data.label_names)
    return float(measure(made)["f1_macro"])


def paired_interval(data: TextDataset, ours: list[np.ndarray], theirs: list[np.ndarray], n: int = 2000) -> list[float]:
    """95 % interval of the difference in macro-F1, mean over seeds, when the test texts are drawn anew."""
    rng = np.random.default_rng(0)
    labels, differences = data.test.labels, []
    for _ in range(n):
        rows = rng.integers(0, len(labels), len(labels))
        drawn = replace_test(data, rows)
        gaps = [macro_f1(drawn, a[rows]) - macro_f1(drawn, b[rows]) for a, b in zip(ours, theirs, strict=True)]
        differences.append(float(np.mean(gaps)))
    return [float(value) for value in np.percentile(differences, [2.5, 97.5])]


def replace_test(data: TextDataset, rows: np.ndarray) -> TextDataset:
    test = Split([""] * len(rows), data.test.labels[rows], data.label_names)
    return TextDataset(data.address, data.label_names, {**data.splits, "test": test})


def shortened(data: TextDataset, n: int) -> TextDataset:
    splits = {
        name: Split(split.texts[:n], split.labels[:n], split.label_names) for name, split in data.splits.items()
    }  # fmt: skip
    return TextDataset(data.address, data.label_names, splits)


def markdown(result: dict[str, Any]) -> str:
    lines = [
        "# Fine-tuning",
        "",
        result["machine"],
        "",
        f"MiniLM on {result['texts']} tweets, {result['epochs']:g} epochs, learning rate {result['learning_rate']:g}, batches "
        f"of 16, {result['rounds']} rounds (a seed each), no checkpoints.",
        "",
        "| method | seconds | x the course's call | goal | test macro-F1 | difference, 95 % interval |",
        "|:---|---:|---:|---:|---:|---:|",
    ]
    for name, row in result["methods"].items():
        goal, interval = GOALS.get(name), row.get("difference_interval")
        lines.append(
            f"| {name} | {row['seconds']:.1f} | {row['ratio']:.2f} | {goal or ''} | {row['f1_macro']:.3f} | "
            f"{'' if interval is None else f'[{interval[0]:+.3f}, {interval[1]:+.3f}]'} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tweets")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--quick", action="store_true", help="160 texts of each split, one round, nothing written")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    data = load_dataset(DataSettings(options.tweets))
    if options.quick:
        data, options.rounds, options.epochs = shortened(data, 160), 1, 1.0
    settings = FinetuneSettings(learning_rate=options.learning_rate, num_train_epochs=options.epochs)
    runs = {COURSE: course} | dict.fromkeys(GOALS, featx)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    labels: dict[str, list[np.ndarray]] = {name: [] for name in runs}
    for seed in range(options.rounds):
        for name, run in runs.items():
            chosen = settings if name == COURSE else replace(settings, dtype=Dtype(name))
            took, y_pred = run(data, chosen, seed)
            seconds[name].append(took)
            labels[name].append(y_pred)
            print(f"round {seed + 1}, {name}: {took:.1f} s, macro-F1 {macro_f1(data, y_pred):.3f}", flush=True)
    result: dict[str, Any] = {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{torch.backends.cpu.get_cpu_capability()}, transformers {transformers.__version__}",
        "texts": len(data.train),
        "epochs": options.epochs,
        "learning_rate": options.learning_rate,
        "rounds": options.rounds,
        "methods": {},
    }
    for name in runs:
        row: dict[str, Any] = {
            "seconds": statistics.median(seconds[name]),
            "ratio": statistics.median(a / b for a, b in zip(seconds[COURSE], seconds[name], strict=True)),
            "f1_macro": statistics.mean(macro_f1(data, y_pred) for y_pred in labels[name]),
        }
        if name != COURSE:
            row["difference_interval"] = paired_interval(data, labels[name], labels[COURSE])
        result["methods"][name] = row
    print(markdown(result))
    if not options.quick:
        TARGET.mkdir(parents=True, exist_ok=True)
        (TARGET / "finetune.json").write_text(json.dumps(result, indent=1) + "\n")
        (TARGET / "finetune.md").write_text(markdown(result))


if __name__ == "__main__":
    main()
