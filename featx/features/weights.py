"""Weights of a checkpoint into a model, and the checks that all of it came from the checkpoint.

Transformers draws at random what a file lacks. Here that is an error which names the tensors; only poolers and heads,
which no feature reads, may be absent. May import ``errors``, ``settings`` and the checkpoint side of ``features``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from copy import deepcopy
from typing import Any, cast

from featx.errors import CheckpointError, FeatxWarning
from featx.features.adapters import apply_adapter
from featx.features.checkpoint import loading
from featx.features.checkpoint_files import check_model_unchanged
from featx.features.configuration import settle
from featx.features.tensor_names import check_names
from featx.settings import Checkpoint

#: What wrappers put before the names of tensors: data parallelism, compilation, sharding, sentence-transformers.
_PREFIXES = re.compile(
    r"^(?:(?:module|_orig_mod|_forward_module|_fsdp_wrapped_module|model|auto_model|base_model|backbone|0)\.)+"
)
#: Buffers that old versions saved and that are computed now.
_COMPUTED_BUFFERS = re.compile(r"(^|\.)(position_ids|token_type_ids|inv_freq|masked_bias|attn\.bias|attention\.bias)$")
#: Where no adapter is, so that Transformers does not apply one of its own accord (only where peft is installed).
_NO_ADAPTER = {"subfolder": "featx-applies-adapters"}
_SHOWN = 3


def load_weights(
    checkpoint: Checkpoint, auto_class: Any, config: Any = None, *, needs_head: bool = False, **changes: object
) -> Any:
    """Load `checkpoint` in float32 into a model whose encoder comes from the checkpoint alone.

    Parameters
    ----------
    checkpoint : Checkpoint
    auto_class : class
        ``AutoModel``, ``AutoModelForSequenceClassification``, or what else has ``from_pretrained``.
    config : PretrainedConfig, optional
        The checkpoint's own when None.
    needs_head : bool
        Whether poolers and heads must be in the checkpoint too, as in a folder that a fine-tuning saved.
    **changes : object
        Fields of the configuration to change where `config` is None, such as ``num_labels``.

    Returns
    -------
    PreTrainedModel
        On the CPU, in memory of its own. A head that the checkpoint lacks is drawn from torch's generator.

    Raises
    ------
    CheckpointError
        If tensors of the encoder are missing or are left over, an adapter cannot be applied, or the files are no longer
        those that `checkpoint` was identified by.

    Warns
    -----
    FeatxWarning
        If the names of the tensors carried a wrapper's prefix, which was removed.
    """
    import torch
    from transformers import AutoConfig

    config = deepcopy(config) if config is not None else loading(checkpoint, AutoConfig.from_pretrained, **changes)
    settle(config, checkpoint.name)
    wanted = {
        "config": config,
        "dtype": torch.float32,
        "use_safetensors": True,
        "output_loading_info": True,
        "ignore_mismatched_sizes": True,  # drawn at random then, and refused below with their names and shapes
        "adapter_kwargs": dict(_NO_ADAPTER),
    }
    model, info = _loaded(checkpoint, auto_class, wanted)
    check_names(checkpoint, model.base_model_prefix, _PREFIXES)
    _check_shapes(info, checkpoint.name)
    if needs_head:
        _check_head(info, checkpoint.name)
    if _missing(model, info):
        model, info = _without_prefix(checkpoint, auto_class, wanted, info) or (model, info)
    _check_complete(model, info, checkpoint.name)
    _check_nothing_left(model, info, checkpoint.name)
    _own_memory(model)
    apply_adapter(checkpoint, model)
    check_model_unchanged(checkpoint)
    return model


def _check_head(info: dict[str, Any], name: str) -> None:
    if info["missing_keys"]:
        raise CheckpointError(
            f"checkpoint {name!r}: its weights lack {_listed(info['missing_keys'])}, which would be drawn at random; "
            "give the folder as it was saved"
        )


def _loaded(checkpoint: Checkpoint, auto_class: Any, wanted: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return cast("tuple[Any, dict[str, Any]]", loading(checkpoint, auto_class.from_pretrained, **wanted))


def _missing(model: Any, info: dict[str, Any]) -> list[str]:
    """Return the missing tensors that features are computed with."""
    base = "" if model.base_model is model else f"{model.base_model_prefix}."
    return sorted(name for name in info["missing_keys"] if name.startswith(base) and not _is_pooler(name))


def _is_pooler(name: str) -> bool:
    return any(part.startswith("pooler") for part in name.split("."))


def _without_prefix(
    checkpoint: Checkpoint, auto_class: Any, wanted: dict[str, Any], info: dict[str, Any]
) -> tuple[Any, dict[str, Any]] | None:
    """Load again without the prefixes of wrappers; None where that does not give every tensor exactly one name."""
    found = {name: match[0] for name in info["unexpected_keys"] if (match := _PREFIXES.match(name))}
    stripped = {name.removeprefix(prefix) for name, prefix in found.items()}
    if not found or len(stripped) < len(found):
        return None
    model, again = _loaded(checkpoint, auto_class, wanted | {"key_mapping": {_PREFIXES.pattern: ""}})
    if _missing(model, again):
        return None
    shown = ", ".join(repr(prefix) for prefix in sorted(set(found.values()))[:_SHOWN])
    warnings.warn(
        f"checkpoint {checkpoint.name!r}: the names of {len(found)} tensors begin with {shown}, which was removed",
        FeatxWarning,
        stacklevel=4,
    )
    return model, again


def _check_shapes(info: dict[str, Any], name: str) -> None:
    if info["mismatched_keys"]:
        shown = [f"{key} ({tuple(held)}, expected {tuple(wanted)})" for key, held, wanted in info["mismatched_keys"]]
        raise CheckpointError(
            f"checkpoint {name!r}: {len(shown)} tensors have another shape than config.json describes: "
            f"{_listed(shown)}; give the configuration that was saved with these weights"
        )


def _check_complete(model: Any, info: dict[str, Any], name: str) -> None:
    missing = _missing(model, info)
    if not missing:
        return
    total = sum(not _is_pooler(known) for known in model.base_model.state_dict())
    held = info["unexpected_keys"]
    instead = f"; it holds {_listed(held)} instead" if held else ""
    raise CheckpointError(
        f"checkpoint {name!r}: its weights lack {len(missing)} of the {total} tensors of {type(model).__name__} with "
        f"{model.config.num_hidden_layers} layers: {_listed(missing)}{instead}; they would be drawn at random, so "
        "nothing was computed: save the whole encoder with save_pretrained, or mend config.json"
    )


def _check_nothing_left(model: Any, info: dict[str, Any], name: str) -> None:
    """Check that the file holds no tensors inside the encoder that its configuration knows nothing of."""
    modules = {known for known, _ in model.base_model.named_modules() if known}
    prefix = f"{model.base_model_prefix}."
    left = [
        key
        for key in info["unexpected_keys"]
        if key.removeprefix(prefix).split(".")[0] in modules
        and not _is_pooler(key)
        and not _COMPUTED_BUFFERS.search(key)
    ]
    if left:
        raise CheckpointError(
            f"checkpoint {name!r}: its weights hold {len(left)} tensors inside the encoder that {type(model).__name__} "
            f"with {model.config.num_hidden_layers} layers does not have: {_listed(left)}; config.json is that of "
            "another model: give the one that was saved with these weights"
        )


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(ordered[:_SHOWN]) + more


def _own_memory(model: Any) -> None:
    """Copy the weights out of the file that they are mapped from: what becomes of it cannot change them any more."""
    import torch

    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.data = tensor.data.clone()
