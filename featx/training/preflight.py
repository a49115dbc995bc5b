"""Checks before the first step: checkpoint, labels, classes, lengths and disk.

May import ``errors``, ``settings``, ``data`` and the token side of ``features``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from featx.data import Split
from featx.errors import CheckpointError, SettingsError, TrainingError
from featx.features.configuration import is_causal, is_decoder_kind, is_encoder_decoder
from featx.settings import FinetuneSettings, Long, SaveStrategy, SavingSettings
from featx.training.best import trained_tensors


def check_kind(config: Any, checkpoint: str) -> None:
    """Check that Transformers has a sequence-classification head for a model of this kind that reads the whole text.

    Raises
    ------
    CheckpointError
        For models of images or sound, for text models without such a head, and for those whose head reads a token
        that hangs on the other texts of a batch or has not read its own.
    """
    problem = ""
    if is_encoder_decoder(config):
        problem = "is an encoder-decoder, and its head asks for the same number of end tokens in every text of a batch"
    elif config.model_type == "xlnet":
        problem = "has a head that reads the last position, be it padding"
    elif is_causal(config) and not is_decoder_kind(config):
        problem = "looks at earlier tokens alone (is_decoder), and its head reads the first token"
    if problem:
        raise CheckpointError(
            f"checkpoint {checkpoint!r} ({config.model_type}) {problem}, so featx does not fine-tune it; choose an "
            "encoder such as distilbert-base-uncased, or a decoder such as gpt2"
        )
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

    if config.model_type not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        raise CheckpointError(
            f"checkpoint {checkpoint!r} ({config.model_type}) cannot be fine-tuned on texts: Transformers has no "
            "sequence-classification head for it; choose a text encoder such as distilbert-base-uncased"
        )


def check_recomputation(model: Any, settings: FinetuneSettings) -> None:
    """Check that `gradient_checkpointing` is only asked of a model that can do it.

    Raises
    ------
    SettingsError
    """
    if settings.gradient_checkpointing and not can_recompute(model):
        raise SettingsError(
            f"`gradient_checkpointing` is not supported by {type(model).__name__}; leave it out, and use a smaller "
            "`per_device_train_batch_size` with more `gradient_accumulation_steps`",
            "gradient_checkpointing",
        )


def can_recompute(model: Any) -> bool:
    """Return whether activations of `model` can be computed twice instead of kept."""
    return bool(getattr(model, "supports_gradient_checkpointing", False))


def check_labels(splits: Mapping[str, Split], n_labels: int) -> None:
    """Check that every label id has a place in a head of `n_labels`.

    Raises
    ------
    TrainingError
        With the offending ids and the first row that has one.
    """
    for name, split in splits.items():
        outside = (split.labels < 0) | (split.labels >= n_labels)
        if outside.any():
            ids = sorted(set(split.labels[outside].tolist()))
            raise TrainingError(
                f"{name}, row {int(np.flatnonzero(outside)[0]) + 1}: label ids {_ids(map(str, ids))} are out of range; "
                f"a head of {n_labels} labels takes 0 to {n_labels - 1}: correct the labels or the mapping"
            )


def check_classes(train: Split) -> None:
    """Check that train has texts of every class.

    Raises
    ------
    TrainingError
        With the classes that it lacks.
    """
    empty = [name for name, count in zip(train.label_names, train.class_counts, strict=True) if not count]
    if empty:
        raise TrainingError(
            f"train has no text of {_ids(empty)}, so nothing could be learned about it; add some or leave it out"
        )


def check_disk(folder: Path, model: Any, saving: SavingSettings) -> None:
    """Check that checkpoints and the model will fit on the disk.

    A checkpoint holds the trained weights, the best epoch's and two moments of the optimiser; one more than are kept
    is there while it is written. Where none is wanted, the one that a signal would make is not counted.

    Raises
    ------
    TrainingError
        If not; says how much there is and how much is needed.
    """
    trained = sum(tensor.numel() * tensor.element_size() for _, tensor in trained_tensors(model))
    whole = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    none = saving.save_strategy is SaveStrategy.NO
    needed = whole + (0 if none else 4 * trained * (saving.save_total_limit + 1))
    there = next(path for path in [folder, *folder.absolute().parents] if path.is_dir())
    free = shutil.disk_usage(there).free
    if free < needed:
        what = "the model needs" if none else "checkpoints and the model need"
        less = "" if none else ", lower `save_total_limit`, or write no checkpoints (`save_strategy` no)"
        raise TrainingError(
            f"{there} has {_gigabytes(free)} free, but {what} {_gigabytes(needed)}; free some space, or choose another "
            f"folder of `results`{less}"
        )
    if not os.access(there, os.W_OK):
        raise TrainingError(
            f"{there} cannot be written to; change its permissions or choose another folder of `results`"
        )


def notes_on(
    splits: Mapping[str, Split], n_truncated: Mapping[str, int], max_length: int, long: Long = Long.CUT
) -> list[str]:
    """Return what does not stop a training but should be known: texts that are cut, classes that validation lacks."""
    fate = "lose their middle" if long is Long.HEAD_TAIL else "are cut there"
    notes = [
        f"{cut} of {len(splits[name])} {name} texts ({cut / len(splits[name]):.1%}) are longer than {max_length} "
        f"tokens and {fate}"
        for name, cut in n_truncated.items()
        if cut
    ]
    validation = splits["validation"]
    counts = zip(validation.label_names, validation.class_counts, strict=True)
    empty = [name for name, count in counts if not count]
    if empty:
        notes.append(f"validation has no text of {_ids(empty)}: the best epoch is chosen without it")
    return notes


def _gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.3g} GB"


def _ids(names: Any) -> str:
    names = list(names)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
