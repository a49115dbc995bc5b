"""The model that is trained: a checkpoint with its own head or a new one.

May import ``errors``, ``settings`` and the token side of ``features``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from featx.errors import CheckpointError, TrainingError
from featx.features.checkpoint import loading
from featx.settings import Checkpoint

_HEAD = "ForSequenceClassification"
#: Names that a message lists before it counts the others.
_LISTED = 4


def load_model(
    checkpoint: Checkpoint,
    config: Any,
    label_names: tuple[str, ...],
    keep_head: bool = False,
    say: Callable[[str], None] = lambda remark: None,
) -> Any:
    """Load a checkpoint in float32 with a sequence-classification head for `label_names`.

    A new head is drawn from torch's generator: seed it before. What the saved folder says of its task is what is
    trained here, whatever the checkpoint's own configuration says.

    Raises
    ------
    CheckpointError
        If weights of the encoder are missing: they would be drawn at random.
    TrainingError
        If `keep_head` cannot be done.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    is_kept = keeps_head(config, label_names, checkpoint.name, keep_head, say)
    model, found = loading(
        checkpoint,
        AutoModelForSequenceClassification.from_pretrained,
        num_labels=len(label_names),
        id2label=dict(enumerate(label_names)),
        label2id={name: i for i, name in enumerate(label_names)},
        problem_type="single_label_classification",
        return_dict=True,
        dtype=torch.float32,
        use_safetensors=True,
        ignore_mismatched_sizes=not is_kept,
        output_loading_info=True,
    )
    check_found(model, found, checkpoint.name, is_kept)
    if getattr(model.config, "task_specific_params", None):
        model.config.task_specific_params = None  # a pipeline would let them change the rest of the configuration
    if not is_kept and _brings_tensors_of_head(model, found):
        auto: Any = AutoModelForSequenceClassification
        fresh = auto.from_config(model.config, dtype=torch.float32).state_dict()
        model.load_state_dict({name: fresh[name] for name in _head_tensors(model)}, strict=False)
    return model


def keeps_head(
    config: Any, label_names: tuple[str, ...], checkpoint: str, wanted: bool, say: Callable[[str], None]
) -> bool:
    """Return whether a head that the checkpoint brings is trained on: where its label names are those of the data.

    Any other is dropped, and said; with `wanted` it is kept where that is possible.

    Raises
    ------
    TrainingError
        If it is `wanted` but is not there, has another number of labels, or has the same names in another order.
    """
    if not any(name.endswith(_HEAD) for name in config.architectures or ()):
        if wanted:
            raise TrainingError(f"checkpoint {checkpoint!r} brings no classification head; leave `keep_head` out")
        return False
    head = {int(label): str(name) for label, name in (config.id2label or {}).items()}
    theirs = [head[label] for label in sorted(head)]
    if [name.lower() for name in theirs] == [name.lower() for name in label_names]:
        return True
    described = f"the head of checkpoint {checkpoint!r} is for {_listed(theirs)}, the data has {_listed(label_names)}"
    if not wanted:
        say(f"{described}: it is dropped and a new one is trained (`keep_head` keeps one of as many labels)")
        return False
    if len(theirs) != len(label_names):
        raise TrainingError(f"{described}: it cannot be kept; leave `keep_head` out")
    if sorted(name.lower() for name in theirs) == sorted(name.lower() for name in label_names):
        raise TrainingError(
            f"{described}: the same labels in another order; leave `keep_head` out, or number the data's labels so"
        )
    say(f"{described}: it is kept, one for one")
    return True


def check_found(model: Any, found: dict[str, Any], checkpoint: str, with_head: bool) -> None:
    """Check that no weights were drawn at random that the checkpoint should bring.

    Poolers may be missing, and heads unless the checkpoint's own is kept.

    Raises
    ------
    CheckpointError
        Names the tensors that are missing or have another shape.
    """
    new = set() if with_head else set(_head_tensors(model))
    differing = {key if isinstance(key, str) else key[0] for key in found["mismatched_keys"]}
    for names, what in ((set(found["missing_keys"]), "lacks"), (differing, "has in another shape")):
        wrong = sorted(name for name in names - new if "pooler" not in name)
        if wrong:
            raise CheckpointError(
                f"checkpoint {checkpoint!r} {what} {_listed(wrong)}, which would be drawn at random; save it anew with "
                "save_pretrained, or give the checkpoint that config.json describes"
            )


def _head_tensors(model: Any) -> list[str]:
    """Return the names of all weights outside of the encoder."""
    return [name for name in model.state_dict() if not name.startswith(f"{model.base_model_prefix}.")]


def _brings_tensors_of_head(model: Any, found: dict[str, Any]) -> bool:
    return not set(_head_tensors(model)) <= set(found["missing_keys"])


def _listed(names: Any) -> str:
    names = list(names)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
