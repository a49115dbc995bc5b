"""How fast this machine works on these texts, from a few timed batches."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace

import numpy as np

from featx.data import Split, TextDataset
from featx.experiment.context import Context
from featx.features.device import find_device, thread_limit
from featx.features.extraction import Extractor
from featx.settings import FeatureSettings, FinetuneSettings, Long
from featx.training import Hooks
from featx.training import finetune as finetune_checkpoint

#: Texts that are encoded, and steps that are trained, to know how long one takes; the first steps are not counted.
_TEXTS, _STEPS, _UNCOUNTED = 128, 10, 3


@dataclass(frozen=True)
class Speeds:
    """Seconds that things take here.

    Attributes
    ----------
    encode, train : float
        Of one text: encoding it for all features, and one training step's share of it; where it is several windows, of
        all of them.
    load : float
        Of the checkpoint, once.
    """

    encode: float
    train: float
    load: float


def measure_speeds(context: Context, features: FeatureSettings, settings: FinetuneSettings) -> Speeds:
    """Return what a sample of the train texts took: chosen by chance, so that it has their lengths."""
    train = context.dataset.train
    rng = np.random.default_rng(0)
    rows = rng.choice(len(train), min(_TEXTS, len(train)), replace=False)
    texts = [train.texts[row] for row in rows]
    slowest = Long.WINDOWS if Long.WINDOWS in settings.long else settings.long[0]
    with thread_limit(context.compute.threads):
        timed = [_encoding(context, replace(features, long=(long,)), texts) for long in features.long]
        step = _training(context, replace(settings, long=(slowest,)))
    examples = len(context.encoder(features).tokenizer(texts, slowest)) / len(texts)
    share = examples * step / settings.per_device_train_batch_size
    return Speeds(sum(encode for encode, _ in timed), share, max(load for _, load in timed))


def _encoding(context: Context, features: FeatureSettings, texts: list[str]) -> tuple[float, float]:
    encoder = context.encoder(features)
    load = encoder.load()
    extractor = Extractor(encoder, context.checkpoint, features, None)
    extractor.encode(texts[: len(texts) // 4])  # the first batches are slower
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        Extractor(encoder, context.checkpoint, features, None).encode(texts)
        seconds.append(time.perf_counter() - started)
    return min(seconds) / len(texts), load


def _training(context: Context, settings: FinetuneSettings) -> float:
    """Return the seconds of one step, from the middle of a training of a few."""
    dataset = _sample(context.dataset, _STEPS * settings.per_device_train_batch_size)
    times: list[float] = []
    few = replace(settings, search=0, max_steps=_STEPS, num_train_epochs=1.0)
    hooks = Hooks(on_step=lambda done, total: times.append(time.perf_counter()))
    device = find_device(context.compute.device).type
    finetune_checkpoint(context.checkpoint, dataset, few, 0, device, hooks)
    steps = np.diff(times)[_UNCOUNTED:]
    return float(statistics.fmean(steps)) if len(steps) else 0.0


def _sample(dataset: TextDataset, n_texts: int) -> TextDataset:
    """Return a data set with some of the train texts, every class among them, and as few others as can be."""
    rng = np.random.default_rng(0)
    labels = dataset.train.labels
    first = [int(rng.choice(np.flatnonzero(labels == label))) for label in range(dataset.n_classes)]
    rest = np.setdiff1d(rng.permutation(len(labels))[:n_texts], first)
    rows = np.concatenate([first, rest])[: max(n_texts, len(first))]
    few = _rows(dataset.train, rows)
    return replace(dataset, splits={name: few if name == "train" else _rows(dataset.train, np.array(first))
                                    for name in dataset.splits})  # fmt: skip


def _rows(split: Split, rows: np.ndarray) -> Split:
    return Split([split.texts[row] for row in rows], split.labels[rows], split.label_names)
