"""Which parts of a model are trained, and how fast: its upper layers, or adapters on all of them.

May import ``errors`` and ``settings``.
"""

from __future__ import annotations

import warnings
from typing import Any

from featx.errors import SettingsError, TrainingError
from featx.settings import FinetuneMethod, FinetuneSettings

#: Beginnings of the names of norms after the last layer, beside the layers: ModernBERT's and Llama's, GPT-2's.
_LAST_NORMS = ("norm", "ln_f")


def with_trained_parts(model: Any, settings: FinetuneSettings, rates: dict[str, float]) -> tuple[Any, dict[str, float]]:
    """Return `model` with what is not to be trained frozen, and factors on the learning rate of single parameters.

    Parameters
    ----------
    model : PreTrainedModel
    settings : FinetuneSettings
    rates : dict of parameter name to float
        Factors that are known already.

    Raises
    ------
    SettingsError
        If more layers are to be frozen than there are.
    TrainingError
        If the layers cannot be found, or adapters cannot be added.
    """
    freeze_layers(model, settings.freeze_layers)
    if settings.method is FinetuneMethod.LORA:
        model = with_adapters(model, settings)
    for name, factor in rates_by_depth(model, settings.layerwise_lr_decay).items():
        rates = rates | {name: factor * rates.get(name, 1.0)}
    return model, rates


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
    n_layers, depths = depths_of_parameters(model)
    if n_frozen > n_layers:
        raise SettingsError(
            f"`freeze_layers` is {n_frozen}; expected 0 to {n_layers}, the encoder's layers", "freeze_layers"
        )
    for name, weight in model.named_parameters():
        if depths[name] <= n_frozen:
            weight.requires_grad_(False)


def rates_by_depth(model: Any, decay: float) -> dict[str, float]:
    """Return factors on the learning rate of the parameters below the head; none where `decay` is 1.

    The last of n layers has `decay`, the first one ``decay ** n`` and the embeddings ``decay ** (n + 1)``: low layers
    hold what most tasks share (Howard and Ruder, 2018; by layer as in ELECTRA, Clark et al., 2020).
    """
    if decay == 1:
        return {}
    n_layers, depths = depths_of_parameters(model)
    return {name: decay ** (n_layers + 1 - depth) for name, depth in depths.items() if depth <= n_layers}


def depths_of_parameters(model: Any) -> tuple[int, dict[str, int]]:
    """Return the number of layers n, and the depth of each parameter.

    The depth is 0 in the embeddings, k in the k-th layer, and n + 1 behind the layers: last norms, pooler and head.

    Raises
    ------
    TrainingError
        If the layers cannot be found.
    """
    prefix, layers = _layers(model)
    base = getattr(model, "get_base_model", lambda: model)().base_model  # of a model with adapters as of a plain one
    of_layer = {id(weight): depth for depth, layer in enumerate(layers, 1) for weight in layer.parameters()}
    before = {id(weight) for name, weight in base.named_parameters() if not _behind_layers(name, prefix)}
    return len(layers), {
        name: of_layer.get(id(weight), 0 if id(weight) in before else len(layers) + 1)
        for name, weight in model.named_parameters()
    }


def _layers(model: Any) -> tuple[str, Any]:
    import torch

    plain = getattr(model, "get_base_model", lambda: model)()
    for name, module in plain.base_model.named_modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == plain.config.num_hidden_layers:
            return name, module
    raise TrainingError(f"the layers of {type(plain).__name__} cannot be found; leave `freeze_layers` out")


def _behind_layers(name: str, prefix: str) -> bool:
    """Return whether a parameter outside of the layers comes after them: a pooler, a last norm."""
    owner = prefix.rpartition(".")[0]
    beside = name.removeprefix(f"{owner}.") if owner else name
    return "pooler" in name or "final" in name or beside.startswith(_LAST_NORMS)


def with_adapters(model: Any, settings: FinetuneSettings) -> Any:
    """Return `model` with low-rank adapters on every linear layer of the encoder; its head is trained in full.

    Raises
    ------
    TrainingError
        If peft is not installed.
    """
    import torch

    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as e:
        raise TrainingError("adapters need the package peft; install it with: pip install 'featx[lora]'") from e
    from transformers.pytorch_utils import Conv1D  # GPT-2's linear layer, its weight transposed

    base = model.base_model_prefix
    linear = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and name.startswith(f"{base}.") and "pooler" not in name
    }
    head = [name for name, _ in model.named_children() if name != base]
    head += [f"{base}.pooler" for name, _ in getattr(model, base).named_children() if name == "pooler"]
    if not linear:
        raise TrainingError(f"{type(model).__name__} has no linear layers for adapters; train it in full")
    adapted = LoraConfig(
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,  # type: ignore[arg-type]
        lora_dropout=settings.lora_dropout,
        target_modules=list(linear),
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in linear.values()),
        modules_to_save=[name for name in head if any(True for _ in model.get_submodule(name).parameters())],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks Transformers for a name that is going away
        return get_peft_model(model, adapted)


def merged(model: Any) -> Any:
    """Return a plain model: adapters, where there are some, become part of its weights."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
