"""A checkpoint of the same shape with random weights: what an encoder gives by its shape and tokenizer alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from featx.features.built import built_folder
from featx.features.checkpoint import quiet_transformers
from featx.features.tokens import load_config, load_tokenizer
from featx.settings import CachePlace, Checkpoint, local_folder

#: Part of the folder's name; raised when the weights are drawn otherwise.
_VERSION = 1


def random_checkpoint_folder(checkpoint: Checkpoint, cache_dir: CachePlace, seed: int = 0) -> Path:
    """Return the folder of a checkpoint with `checkpoint`'s configuration and tokenizer and freshly drawn weights.

    Built on first use, and again where it is damaged; drawn as its architecture initialises itself before pretraining.

    Raises
    ------
    CheckpointError
        If it cannot be written.
    """
    name = f"random-{_VERSION}-{checkpoint.digest[:16]}-{checkpoint.tokenizer_digest[:16]}-{seed}"
    folder = local_folder(cache_dir) / "checkpoints" / name
    return built_folder(folder, lambda made: _write(checkpoint, made, seed), "the random checkpoint")


def _write(checkpoint: Checkpoint, folder: Path, seed: int) -> None:
    import torch
    from transformers import AutoModel

    config = load_config(checkpoint)
    tokenizer = load_tokenizer(checkpoint, config).hf  # with the lower-casing and the length that the checkpoint states
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(seed)
        auto: Any = AutoModel
        model = auto.from_config(config, dtype=torch.float32)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
