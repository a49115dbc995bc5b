"""Which features are wanted of each text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from featx.settings.base import Settings
from featx.settings.choices import Dtype, Long, Pooling
from featx.settings.declare import Identity, setting


@dataclass(frozen=True)
class FeatureSettings(Settings, table="features", heading="Features"):
    """What the baselines read of the frozen encoder; every field is part of the features' identity."""

    layer: Annotated[
        tuple[int, ...] | None,
        setting(
            "Layers such as -1 or 0,3,6, or all; 0 is the embeddings, -1 the last.",
            identity=Identity.ALWAYS,
            aliases=("layers",),
            word_for_none="all",
            suggestions="layers",
        ),
    ] = (-1,)
    pooling: Annotated[
        tuple[Pooling, ...],
        setting(
            "How a text's vector is taken; several may be named. auto: as the checkpoint itself says.",
            identity=Identity.ALWAYS,
            aliases=("poolings",),
        ),
    ] = (Pooling.AUTO,)
    max_length: Annotated[
        int | None,
        setting(
            "Tokens at which texts are cut, special ones included.",
            unset="the checkpoint's limit",
            example=128,
            identity=Identity.ALWAYS,
            ge=1,
        ),
    ] = None
    dtype: Annotated[
        Dtype,
        setting(
            "Type of the encoder's arithmetic; auto: the fastest that this machine computes natively.",
            identity=Identity.ALWAYS,
        ),
    ] = Dtype.FLOAT32
    normalize: Annotated[
        bool | None,
        setting(
            "Scale each vector to length 1 when it is read.",
            unset="the checkpoint's own word with auto, else no",
            example=True,
            identity=Identity.UNLESS_DEFAULT,
        ),
    ] = None
    prompt: Annotated[
        str | None,
        setting(
            "Text put before each text, or the name of one of the checkpoint's prompts.",
            unset="the checkpoint's default with auto, else none",
            example="query: ",
            identity=Identity.UNLESS_DEFAULT,
        ),
    ] = None
    long: Annotated[
        tuple[Long, ...],
        setting(
            "What becomes of longer texts; several may be named, and are chosen on validation.",
            identity=Identity.UNLESS_DEFAULT,
        ),
    ] = (Long.CUT,)
