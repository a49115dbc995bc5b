"""Whether settings can be trained with at all. May import ``config`` and ``errors``."""

from __future__ import annotations

from math import isfinite
from typing import Any

from featx.errors import SettingsError
from featx.settings import Dtype, FinetuneMethod, FinetuneSettings

#: Schedules of the Trainer that need no settings of their own.
SCHEDULES = (
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
)
#: Optimisers of the Trainer that need no further package.
OPTIMIZERS = ("adamw_torch", "adamw_torch_fused", "adafactor", "sgd", "adagrad", "rmsprop")

_POSITIVE = ("num_train_epochs", "learning_rate", "adam_epsilon", "lora_alpha")
_NOT_NEGATIVE = ("weight_decay", "warmup_steps", "max_grad_norm")
_SHARES = ("adam_beta1", "adam_beta2", "label_smoothing_factor", "lora_dropout")
_COUNTS = {
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "early_stopping_patience": 1,
    "logging_steps": 1,
    "freeze_layers": 0,
    "search": 0,
    "r": 1,
}


def check_settings(settings: FinetuneSettings, device: str | None = None) -> None:
    """Check that every number can be trained with, on `device` where it is known.

    Raises
    ------
    SettingsError
        Names the first that cannot, and what is expected.
    """

    def check(names: Any, is_right: Any, expected: str) -> None:
        for name in names:
            value = getattr(settings, name)
            if value is not None and not (isfinite(value) and is_right(value)):
                raise SettingsError(f"{name} is {value}; expected {expected}")

    check(_POSITIVE, lambda value: value > 0, "a number above 0")
    check(_NOT_NEGATIVE, lambda value: value >= 0, "0 or more")
    check(_SHARES, lambda value: 0 <= value < 1, "a number from 0 to below 1")
    for name, least in _COUNTS.items():
        check([name], lambda value, least=least: value >= least, f"{least} or more")
    check(["max_steps"], lambda value: value > 0 or value == -1, "1 or more, or -1 for no bound")
    if settings.max_steps > 0 and settings.search:
        raise SettingsError("max_steps and search do not go together: a search tries num_train_epochs; drop one")
    for name, valid in (("lr_scheduler_type", SCHEDULES), ("optim", OPTIMIZERS)):
        if getattr(settings, name) not in valid:
            raise SettingsError(f"{name} is {getattr(settings, name)!r}; expected one of: {', '.join(valid)}")
    if settings.freeze_layers and settings.method is FinetuneMethod.LORA:
        raise SettingsError("freeze_layers and adapters do not go together: adapters freeze every layer; drop one")
    if settings.dtype is Dtype.FLOAT16 and device not in (None, "cuda"):
        raise SettingsError(f"dtype is 'float16', which cannot be trained on {device}; use bfloat16 or float32")
