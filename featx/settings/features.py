"""Which features are wanted of each text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from featx.settings.base import Settings
from featx.settings.choices import Dtype, Pooling
from featx.settings.declare import Identity, setting


@dataclass(frozen=True)
class FeatureSettings(Settings):
    """Which features are wanted; every field is part of their identity.

    `layers` counts from 0 (embeddings) to n (last); negative numbers count from the end; None means all.
    """

    layers: Annotated[
        tuple[int, ...] | None,
        setting("Layers such as -1 or 0,3,6, or all; 0 is the embeddings, -1 the last.", identity=Identity.ALWAYS),
    ] = (-1,)
    poolings: Annotated[
        tuple[Pooling, ...], setting("How a text's vector is taken; several may be named.", identity=Identity.ALWAYS)
    ] = (Pooling.CLS,)
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
    dtype: Annotated[Dtype, setting("Type of the encoder's arithmetic.", identity=Identity.ALWAYS)] = Dtype.FLOAT32
