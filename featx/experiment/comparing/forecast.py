"""What each step of a comparison will take, from the speeds that were measured on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from functools import cache

import numpy as np

from featx.baselines import Method, Reads, find_method, fit
from featx.data import TextDataset
from featx.errors import TrainingError
from featx.experiment.comparing.speeds import Speeds
from featx.settings import FinetuneSettings

#: Texts that a classical method is timed on: a share of train, within bounds.
_SHARE, _FEWEST, _MOST = 0.2, 60, 400


@dataclass(frozen=True)
class Sizes:
    """Texts of the splits, summed over folds where there are some, and the features of each.

    Attributes
    ----------
    train, validation, test : int
    distinct : int
        Texts to encode.
    n_kinds, hidden_size : int
        Of the features.
    """

    train: int
    validation: int
    test: int
    distinct: int
    n_kinds: int
    hidden_size: int


def encoding_seconds(speeds: Speeds, sizes: Sizes) -> float:
    """Return the seconds of encoding all texts once, with an encoder that is loaded."""
    return speeds.encode * sizes.distinct


def training_seconds(speeds: Speeds, sizes: Sizes, epochs: float) -> float:
    """Return the seconds of one training: its steps, and validation after each epoch."""
    return speeds.load + epochs * (speeds.train * sizes.train + speeds.encode * sizes.validation)


def search_seconds(speeds: Speeds, sizes: Sizes, settings: FinetuneSettings) -> float:
    """Return the seconds of a search; about a fifth of its time is saved by pruning."""
    epochs = float(np.mean(settings.search_passes))
    return settings.search * training_seconds(speeds, sizes, epochs)


class ClassicalForecast:
    """What classical methods take, each timed once on a sample of the texts or on features of their shape.

    Parameters
    ----------
    dataset : TextDataset
    sizes : Sizes
    """

    def __init__(self, dataset: TextDataset, sizes: Sizes) -> None:
        self._dataset, self._sizes = dataset, sizes
        self._timed = cache(self._time)

    def of(self, sizes: Sizes) -> ClassicalForecast:
        """Return the forecast for other sizes; methods are not timed again."""
        other = copy(self)
        other._sizes = sizes
        return other

    def seconds(self, names: Sequence[str]) -> float:
        """Return the seconds of tuning the methods `names`."""
        return sum(self._one(find_method(name)) for name in names)

    def _one(self, method: Method) -> float:
        seconds, n_texts = self._timed(method.name)
        scale = self._sizes.train / n_texts
        if method.reads is Reads.TEXTS:
            return seconds * scale
        n_kinds = self._sizes.n_kinds
        return seconds * scale * (2 * n_kinds if n_kinds > 1 else 1)  # each, and all of them side by side

    def _time(self, name: str) -> tuple[float, int]:
        """Return the seconds of tuning on a sample, and the texts of it."""
        method, rng = find_method(name), np.random.default_rng(0)
        train = self._dataset.train
        n_texts = min(_MOST, max(_FEWEST, int(_SHARE * len(train))))
        rows = rng.permutation(len(train))[:n_texts]
        labels = train.labels[rows]
        inputs = (
            [train.texts[row] for row in rows]
            if method.reads is Reads.TEXTS
            else rng.standard_normal((len(rows), self._sizes.hidden_size), np.float32)
        )
        with suppress(TrainingError):  # what is imported at the first fit is no part of the method
            fit(find_method("majority"), (inputs, labels), (inputs, labels), self._dataset.label_names, 0)
        started = time.perf_counter()
        with suppress(TrainingError):  # too few texts of a class in the sample; what it took so far is what is known
            fit(method, (inputs, labels), (inputs, labels), self._dataset.label_names, 0)
        return time.perf_counter() - started, len(rows)
