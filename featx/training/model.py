"""The model that is trained: loaded with a new head, partly frozen, or with adapters.

May import ``errors``, ``config`` and the token side of ``features``.
"""

from __future__ import annotations

import warnings
from typing import Any

from featx.errors import SettingsError, TrainingError
from featx.features.checkpoint import loading
from featx.settings import Checkpoint, FinetuneSettings


def load_model(checkpoint: Checkpoint, label_names: tuple[str, ...]) -> Any:
    """Checkpoint in float32 with a sequence-classification head for `label_names`.

    A new head is drawn from torch's generator: seed it before.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    return loading(
        checkpoint,
        AutoModelForSequenceClassification.from_pretrained,
        num_labels=len(label_names),
        id2label=dict(enumerate(label_names)),
        label2id={name: i for i, name in enumerate(label_names)},
        dtype=torch.float32,
        use_safetensors=True,
    )


def freeze_layers(model: Any, n_frozen: int) -> None:
    """Keep the embeddings and the first `n_frozen` layers of the encoder as they are; 0 freezes nothing.

    Raises
    ------
    SettingsError
        If there are fewer layers.
    TrainingError
        If the layers cannot be found.
    """
    if not n_frozen:
        return
    prefix, layers = _layers(model)
    if n_frozen > len(layers):
        raise SettingsError(f"--freeze-layers is {n_frozen}; expected 0 to {len(layers)}, the encoder's layers")
    own = {id(weight) for layer in layers[n_frozen:] for weight in layer.parameters()}
    late = {id(weight) for layer in layers for weight in layer.parameters()}
    for name, weight in model.base_model.named_parameters():
        embedding = id(weight) not in late and not _behind_layers(name, prefix)
        if embedding or (id(weight) in late and id(weight) not in own):
            weight.requires_grad_(False)


def _layers(model: Any) -> tuple[str, Any]:
    import torch

    n_layers = model.config.num_hidden_layers
    for name, module in model.base_model.named_modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_layers:
            return name, module
    raise TrainingError(
        f"the layers of {type(model).__name__} cannot be found, so none can be frozen; leave --freeze-layers out"
    )


def _behind_layers(name: str, prefix: str) -> bool:
    """Whether a parameter outside of the layers comes after them: a pooler, a last norm."""
    return "pooler" in name or "final" in name or name.startswith(prefix.rpartition(".")[0] + ".norm")


def with_adapters(model: Any, settings: FinetuneSettings) -> Any:
    """`model` with low-rank adapters on every linear layer of the encoder; its head is trained in full.

    Raises
    ------
    TrainingError
        If peft is not installed.
    """
    import torch

    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as e:
        raise TrainingError("--method lora needs the package peft; install it with: pip install 'featx[lora]'") from e
    base = model.base_model_prefix
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name.startswith(f"{base}.") and "pooler" not in name
    ]
    head = [name for name, _ in model.named_children() if name != base]
    head += [f"{base}.pooler" for name, _ in getattr(model, base).named_children() if name == "pooler"]
    if not names:
        raise TrainingError(f"{type(model).__name__} has no linear layers for adapters; use --method full")
    adapted = LoraConfig(
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,  # type: ignore[arg-type]
        lora_dropout=settings.lora_dropout,
        target_modules=names,
        modules_to_save=[name for name in head if any(True for _ in model.get_submodule(name).parameters())],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks Transformers for a name that is going away
        return get_peft_model(model, adapted)


def merged(model: Any) -> Any:
    """A plain model: adapters, where there are some, become part of its weights."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
