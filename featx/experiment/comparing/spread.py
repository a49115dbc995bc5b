"""Which features a comparison reads where the user names none: fair to every kind of checkpoint, from one pass."""

from __future__ import annotations

from dataclasses import replace

from featx.settings import FeatureSettings, Pooling

#: The last layer of each of so many equal parts of the encoder.
_PARTS = 4


def spread_layers(n_layers: int) -> tuple[int, ...]:
    """Return the last layer and those at a quarter, half and three quarters of the encoder, from the top down.

    Lower layers hold words, middle ones syntax and upper ones meaning (Tenney et al., 2019), and which serves a
    task best is not known before; the embeddings below them hold no context and are left out. Four layers cost 4 x 4 x
    hidden_size bytes a text and pooling.

    Examples
    --------
    >>> [spread_layers(n) for n in (2, 6, 12, 24)]
    [(2, 1), (6, 5, 3, 2), (12, 9, 6, 3), (24, 18, 12, 6)]
    """
    layers = [-(-n_layers * part // _PARTS) for part in range(_PARTS, 0, -1)]
    return tuple(dict.fromkeys(layer for layer in layers if layer > 0))


def spread_features(features: FeatureSettings, n_layers: int, *, is_causal: bool = False) -> FeatureSettings:
    """Return `features` with a spread of layers and poolings where they are at their defaults.

    The first token of a model that `is_causal` has read nothing, so that it is left out.
    """
    default = FeatureSettings()
    layer = spread_layers(n_layers) if features.layer == default.layer else features.layer
    pooling = features.pooling
    if pooling == default.pooling:
        pooling = (Pooling.AUTO, Pooling.MEAN) if is_causal else (Pooling.AUTO, Pooling.CLS, Pooling.MEAN)
    return replace(features, layer=layer, pooling=pooling)
