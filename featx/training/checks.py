"""Which settings of a fine-tuning go together. May import ``settings`` and ``errors``.

The range of each alone stands in its declaration.
"""

from __future__ import annotations

from featx.errors import SettingsError
from featx.settings import Dtype, FinetuneMethod, FinetuneSettings


def check_settings(settings: FinetuneSettings, device: str | None = None) -> None:
    """Check that the settings can be trained with together, on `device` where it is known.

    Raises
    ------
    SettingsError
        Names the first that cannot, and what is expected.
    """
    if settings.max_steps == 0:
        raise SettingsError("`max_steps` is 0; expected 1 or more, or -1 for no bound", "max_steps")
    if settings.max_steps > 0 and settings.search:
        raise SettingsError(
            "`max_steps` and `search` do not go together: a search tries `num_train_epochs`; drop one", "max_steps"
        )
    if settings.freeze_layers and settings.method is FinetuneMethod.LORA:
        raise SettingsError(
            "`freeze_layers` and adapters do not go together: adapters freeze every layer; drop one", "freeze_layers"
        )
    if len(settings.long) > 1 and not settings.search:
        raise SettingsError(
            f"`long` names {', '.join(settings.long)}, of which the trials of a search choose on validation; give "
            "`search` trials, or name one",
            "long",
        )
    if len(settings.long) > 1 and settings.method is FinetuneMethod.LP:
        raise SettingsError(
            f"`long` names {', '.join(settings.long)}, but a probe is fitted for one; name one, or train without a "
            "probe",
            "long",
        )
    if settings.keep_head and settings.method is FinetuneMethod.LP:
        raise SettingsError("`keep_head` and a probe do not go together: the probe is the head; drop one", "keep_head")
    if settings.dtype is Dtype.FLOAT16 and device not in (None, "cuda"):
        raise SettingsError(
            f"`dtype` is 'float16', which cannot be trained on {device}; use bfloat16 or float32", "dtype"
        )
