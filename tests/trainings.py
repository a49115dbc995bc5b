"""Tiny trainings for tests: a data set whose labels a word tells, and settings that learn it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from tiny import LABELS, make_texts

from featx.data import Split, TextDataset
from featx.features.checkpoint import find_checkpoint
from featx.features.tokens import load_config
from featx.settings import FinetuneSettings
from featx.training import Finetuned, Hooks, finetune
from featx.training.model import load_model

SETTINGS = FinetuneSettings(num_train_epochs=8, learning_rate=3e-3, per_device_train_batch_size=8)
SHORT = replace(SETTINGS, num_train_epochs=2)


def dataset(n: int = 240, names: tuple[str, ...] = LABELS) -> TextDataset:
    """Splits of `n`, 15 and 30 texts with labels out of `names`, the first ones of `LABELS`."""
    splits = {}
    for seed, (name, size) in enumerate({"train": n, "validation": 15, "test": 30}.items()):
        texts, labels = make_texts(3 * size, seed)
        kept = [(text, names.index(label)) for text, label in zip(texts, labels, strict=True) if label in names][:size]
        splits[name] = Split([text for text, _ in kept], np.array([label for _, label in kept]), names)
    return TextDataset("tiny", names, splits)


def train(source: Path, settings: FinetuneSettings = SETTINGS, seed: int = 0, data: TextDataset | None = None,
          hooks: Hooks | None = None, **more: object) -> Finetuned:  # fmt: skip
    """Fine-tune the checkpoint in `source` on the CPU."""
    checkpoint = find_checkpoint(str(source), Path("unused"))
    return finetune(checkpoint, data or dataset(), settings, seed, "cpu", hooks, **more)


def load(source: Path, names: tuple[str, ...] = LABELS) -> object:
    """The model that a training of the checkpoint in `source` starts from."""
    checkpoint = find_checkpoint(str(source), Path("unused"))
    return load_model(checkpoint, load_config(checkpoint), names)


def scores(made: Finetuned, data: TextDataset | None = None) -> np.ndarray:
    """Probabilities on test."""
    return made.predict((data or dataset()).test)[0].y_score


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """A ``featx`` process that hears SIGINT, whatever the shell that runs the tests does with it."""
    return subprocess.Popen(
        [sys.executable, "-m", "featx", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
