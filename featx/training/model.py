"""The model that is trained: a checkpoint with its own head or a new one.

May import ``errors``, ``settings`` and the token side of ``features``.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from featx.errors import CheckpointError, TrainingError
from featx.features.configuration import is_decoder_kind
from featx.features.weights import load_weights
from featx.settings import Checkpoint

_HEAD = "ForSequenceClassification"
#: Kinds of models whose heads have names of tensors in common with ours.
_LIKE_OURS = (_HEAD, "ForTokenClassification", "ForMultipleChoice")
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

    A new head is drawn from torch's generator: seed it before. Nothing of a head for other labels or another task is
    left in it. What the model's configuration says of its task is what is trained here, whatever `config` says.

    Raises
    ------
    CheckpointError
        If weights of the encoder or of a kept head are missing, or the checkpoint changed since it was identified.
    TrainingError
        If `keep_head` cannot be done.
    """
    from transformers import AutoModel, AutoModelForSequenceClassification

    is_kept = keeps_head(config, label_names, checkpoint.name, keep_head, say)
    config = _configured(config, label_names)
    if is_kept or not _may_bring_head(config):
        return load_weights(checkpoint, AutoModelForSequenceClassification, config, needs_head=is_kept)
    encoder = load_weights(checkpoint, AutoModel, config)
    with_new_head: Any = AutoModelForSequenceClassification.from_config
    model = with_new_head(encoder.config, dtype=encoder.dtype)
    lacking = model.base_model.load_state_dict(encoder.state_dict(), strict=False).missing_keys
    if lacking:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r}: its encoder lacks {', '.join(sorted(lacking)[:_LISTED])}, which "
            f"{type(model).__name__} needs; give one without a head"
        )
    return model


def _configured(config: Any, label_names: tuple[str, ...]) -> Any:
    """Return a copy of `config` for a head that gives each text one of `label_names`."""
    config = deepcopy(config)
    config.num_labels = len(label_names)
    config.id2label = dict(enumerate(label_names))
    config.label2id = {name: i for i, name in enumerate(label_names)}
    config.problem_type = "single_label_classification"
    config.return_dict = True
    if is_decoder_kind(config):
        config.use_cache = False  # of keys and values, for texts that go on
    if getattr(config, "task_specific_params", None):
        config.task_specific_params = None  # a pipeline would let them change the rest of the configuration
    return config


def _may_bring_head(config: Any) -> bool:
    """Return whether the file may hold tensors that have the names of our head's."""
    return not config.architectures or any(name.endswith(_LIKE_OURS) for name in config.architectures)


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


def _listed(names: Any) -> str:
    names = list(names)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
