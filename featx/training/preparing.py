"""From checkpoint and data set to what a training works on: the model with its head, and token ids.

May import ``errors``, ``settings``, ``data`` and the token side of ``features``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.data import TextDataset
from featx.features.native_types import tell_if_slow, with_type
from featx.features.tokens import TokenizedTexts, Tokenizer, load_config
from featx.settings import Checkpoint, ComputeSettings, Device, FinetuneSettings, Long, one_long
from featx.training.checks import check_settings
from featx.training.head import LinearHead, place_head
from featx.training.layers import with_trained_parts
from featx.training.model import load_model
from featx.training.padding import tokenizer_for_training
from featx.training.preflight import check_classes, check_kind, check_labels, check_recomputation, notes_on

#: Texts of train that a head from a probe is checked with.
_CHECKED_TEXTS = 8


@dataclass(frozen=True)
class Labelled:
    """Tokens of the texts of a split, and their labels, shape (n_texts,), int64.

    An example is a row of `tokens`: a text, or a window of one with its text's label.
    """

    tokens: TokenizedTexts
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, row: int) -> tuple[NDArray[np.int32], int, float]:
        """Return ids, label, and what the example counts: in the mean over all examples each text counts as one."""
        tokens = self.tokens
        if tokens.texts is None or tokens.shares is None:
            return tokens[row], int(self.labels[row]), 1.0
        weight = float(tokens.shares[row]) * len(tokens) / tokens.n_texts
        return tokens[row], int(self.labels[tokens.texts[row]]), weight


@dataclass(frozen=True)
class Prepared:
    """All that a training works on.

    Attributes
    ----------
    model : PreTrainedModel or PeftModel
        Its weights are trained in place.
    tokenizer : Tokenizer
    train, validation : Labelled
    label_names : tuple of str
    settings : FinetuneSettings
    seed : int
    device : str
        ``cpu``, ``cuda`` or ``mps``.
    n_truncated : dict of split name to int
        Texts that lost tokens, since they were longer than the maximum length.
    rates : dict of parameter name to float
        Factors on the learning rate of single parameters.
    starts_from_probe : bool
        Whether the evaluation before the first step counts, as epoch 0.
    """

    model: Any
    tokenizer: Tokenizer
    train: Labelled
    validation: Labelled
    label_names: tuple[str, ...]
    settings: FinetuneSettings
    seed: int
    device: str
    n_truncated: dict[str, int]
    rates: dict[str, float]
    starts_from_probe: bool


def prepare(
    checkpoint: Checkpoint,
    dataset: TextDataset,
    settings: FinetuneSettings,
    seed: int,
    device: str,
    say: Callable[[str], None] = lambda remark: None,
    head: LinearHead | None = None,
    tokens: dict[str, TokenizedTexts] | None = None,
) -> Prepared:
    """Check everything that can be checked before the first step, load the model and tokenise train and validation.

    Parameters
    ----------
    checkpoint : Checkpoint
    dataset : TextDataset
        Test is not touched.
    settings : FinetuneSettings
    seed : int
        Of the new head, the order of the texts and dropout.
    device : str
    say : callable
        Told what does not stop the training but should be known.
    head : LinearHead, optional
        Starting point of the head.
    tokens : dict of split name to TokenizedTexts, optional
        Of the same texts, checkpoint, maximum length and `long`; what it lacks is put in, for the next training.

    Raises
    ------
    SettingsError
        If a setting is out of range.
    CheckpointError
        If the checkpoint is no text encoder, or lacks weights.
    TrainingError
        If labels and head do not fit.
    """
    from transformers import set_seed

    settings = with_type(settings, ComputeSettings(Device(device)))
    check_settings(settings, device)
    config = _checked_config(checkpoint, settings, device)
    check_labels(dataset.splits, dataset.n_classes)
    check_classes(dataset.train)
    tokenizer, long = tokenizer_for_training(checkpoint, config, settings.max_length), one_long(settings.long)
    set_seed(seed)  # before loading: the new head is drawn there
    model = load_model(checkpoint, config, dataset.label_names, settings.keep_head, say)
    check_recomputation(model, settings)
    train, validation = _labelled(dataset, tokenizer, long, {} if tokens is None else tokens)
    n_truncated = {"train": train.tokens.n_truncated, "validation": validation.tokens.n_truncated}
    rates = {}
    if head is not None:
        rates = place_head(model, head, [train.tokens[row] for row in range(min(_CHECKED_TEXTS, len(train)))])
    model, rates = with_trained_parts(model, settings, rates)
    for note in notes_on(dataset.splits, n_truncated, tokenizer.max_length, long):
        say(note)
    return Prepared(
        model, tokenizer, train, validation, dataset.label_names, settings, seed, device, n_truncated, rates,
        head is not None,
    )  # fmt: skip


def _checked_config(checkpoint: Checkpoint, settings: FinetuneSettings, device: str) -> Any:
    """Return the configuration of a model that can be trained; a type that is slow for it is told."""
    import torch

    config = load_config(checkpoint)
    check_kind(config, checkpoint.name)
    tell_if_slow(settings.dtype, torch.device(device), int(config.hidden_size))
    return config


def _labelled(
    dataset: TextDataset, tokenizer: Tokenizer, long: Long, tokens: dict[str, TokenizedTexts]
) -> list[Labelled]:
    """Return train and validation, tokenised where `tokens` lacks them."""
    made = []
    for name in ("train", "validation"):
        if name not in tokens:
            tokens[name] = tokenizer(dataset.splits[name].texts, long)
        made.append(Labelled(tokens[name], dataset.splits[name].labels))
    return made
