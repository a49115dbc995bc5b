"""Adapters beside the weights (peft's ``adapter_config.json``): applied here, by merging, or an error.

Transformers applies them where peft happens to be installed and drops them in silence where it is not.
"""

from __future__ import annotations

import json
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from featx.data.hub_errors import quiet_hub
from featx.errors import CheckpointError
from featx.features.checkpoint_files import ADAPTER_CONFIG
from featx.settings import Checkpoint

_WEIGHTS = "adapter_model.safetensors"
#: What peft puts before the names of the model that it wraps.
_WRAPPER = "base_model.model."


def apply_adapter(checkpoint: Checkpoint, model: Any) -> None:
    """Merge the adapter of `checkpoint`, where it has one, into the encoder of `model`.

    Raises
    ------
    CheckpointError
        If peft is not installed, or not every tensor of the adapter finds its place in the encoder.
    """
    config_file = _file(checkpoint, ADAPTER_CONFIG)
    if config_file is None:
        return
    problem = f"checkpoint {checkpoint.name!r} has an adapter ({ADAPTER_CONFIG})"
    if find_spec("peft") is None:
        raise CheckpointError(f"{problem}, and applying it needs the package peft; install it with: pip install peft")
    weights = _file(checkpoint, _WEIGHTS)
    if weights is None:
        raise CheckpointError(f"{problem} without {_WEIGHTS}; save the adapter there too, or merge it into the weights")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lost = _merge(model.base_model, config_file.parent, weights, model.base_model_prefix)
    except Exception as e:  # peft raises many kinds
        first_line = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise CheckpointError(f"{problem} that cannot be applied: {first_line}; merge it into the weights") from e
    if lost:
        raise CheckpointError(
            f"{problem} of which {len(lost)} tensors do not fit the encoder, the first: {sorted(lost)[0]}; merge it "
            "into the weights that it was trained on"
        )


def _merge(encoder: Any, folder: Path, weights: Path, prefix: str) -> set[str]:
    """Merge in place; return tensors of the adapter that found no place, and places for which there was no tensor."""
    from peft import PeftConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    kinds: Any = PeftConfig
    config = kinds.from_peft_type(**json.loads((folder / ADAPTER_CONFIG).read_text()))
    if not hasattr(config, "target_modules"):
        raise ValueError(f"adapters of type {config.peft_type} cannot be merged into the weights")
    modules = {name for name, _ in encoder.named_modules()}
    beside = [name.removeprefix(f"{prefix}.") for name in config.modules_to_save or ()]
    heads = {name for name in beside if not any(f".{module}".endswith(f".{name}") for module in modules)}
    config.task_type = None  # the encoder alone is wrapped, whatever head the adapter was trained with
    config.modules_to_save = [name for name in beside if name not in heads] or None
    if isinstance(config.target_modules, list | set | tuple):
        config.target_modules = {name.removeprefix(f"{prefix}.") for name in config.target_modules}
    held = {_inside(name, prefix): tensor for name, tensor in load_file(str(weights)).items()}
    held = {name: tensor for name, tensor in held.items() if name.removeprefix(_WRAPPER).split(".")[0] not in heads}
    adapted = get_peft_model(encoder, config)
    places = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    lost = places ^ set(held)
    if not lost:
        set_peft_model_state_dict(adapted, held)
        adapted.merge_and_unload(safe_merge=True)
    return lost


def _inside(name: str, prefix: str) -> str:
    """Return the name of an adapter's tensor as if the encoder alone had been wrapped."""
    return _WRAPPER + name.removeprefix(_WRAPPER).removeprefix(f"{prefix}.")


def _file(checkpoint: Checkpoint, name: str) -> Path | None:
    from transformers.utils.hub import cached_file

    with quiet_hub():
        found = cached_file(
            checkpoint.path,
            name,
            revision=checkpoint.revision or "main",
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
    return None if found is None else Path(found)
