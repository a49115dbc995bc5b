"""From what was asked for to what is computed: `FeatureSettings` in which nothing is left to the checkpoint.

Where `Pooling.AUTO` is among the poolings, the checkpoint's own word counts for all that the user left open: pooling,
normalising, longest input and prompt. Where poolings are named, nothing is done to a text that was not asked for.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

from featx.errors import CheckpointError, FeatxWarning
from featx.features.configuration import is_causal, load_config
from featx.features.limits import position_limit
from featx.features.stated import Stated, stated_by
from featx.settings import Checkpoint, FeatureSettings, Pooling


def resolve_features(checkpoint: Checkpoint, features: FeatureSettings, config: Any = None) -> FeatureSettings:
    """Return `features` with poolings, normalising, prompt and longest input as they are computed.

    What is resolved already stays as it is.

    Parameters
    ----------
    checkpoint : Checkpoint
    features : FeatureSettings
    config : PretrainedConfig, optional
        Of the checkpoint; loaded when None and needed.

    Raises
    ------
    CheckpointError
        If the checkpoint asks for something with `Pooling.AUTO` that featx does not compute.
    SettingsError
        If the prompt is no text that can be told from a name.
    """
    asks = Pooling.AUTO in features.pooling
    if not asks and features.normalize is not None and features.prompt == "":
        return features
    stated = stated_by(checkpoint)
    if asks and stated.problem:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} says itself how texts become vectors, but {stated.problem}; name "
            "`pooling` cls or mean to take the vectors of its encoder alone"
        )
    prompt = _prompt(features.prompt, stated, asks)
    if asks and prompt and not stated.pools_prompt:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} leaves the prompt's tokens out of its pooling, which featx does not; name "
            "`pooling` mean to have them in it, or give an empty `prompt`"
        )
    if asks:
        config = load_config(checkpoint, encoders_only=False) if config is None else config
        own, length = _own_pooling(checkpoint, stated, config), _own_length(stated, config)
    else:
        own, length = Pooling.CLS, None
    poolings = tuple(dict.fromkeys(own if pooling is Pooling.AUTO else pooling for pooling in features.pooling))
    normalize = asks and stated.normalize if features.normalize is None else features.normalize
    length = length if features.max_length is None else features.max_length
    return replace(features, pooling=poolings, normalize=normalize, prompt=prompt, max_length=length)


def _own_pooling(checkpoint: Checkpoint, stated: Stated, config: Any) -> Pooling:
    """Return what a checkpoint says, else the last token of a decoder and the first of all others."""
    if stated.pooling is not None:
        return stated.pooling
    own = Pooling.LAST if is_causal(config) else Pooling.CLS
    if not stated.is_known:
        warnings.warn(
            f"whether checkpoint {checkpoint.name!r} says itself how texts become vectors is unknown, since the Hub "
            f"cannot be reached and modules.json is not cached; `pooling` {own.value} is taken: name it, or go online "
            "once",
            FeatxWarning,
            stacklevel=2,
        )
    return own


def _own_length(stated: Stated, config: Any) -> int | None:
    """Return the longest input that a checkpoint states, as far as its positions allow."""
    positions = position_limit(config)
    return stated.max_length if positions is None or stated.max_length is None else min(stated.max_length, positions)


def _prompt(given: str | None, stated: Stated, asks: bool) -> str:
    """Return the text before each text: that of a prompt by name, else what was given itself."""
    if given is None:
        return stated.default_prompt if asks else ""
    return stated.prompts.get(given, given)


def in_words(asked: FeatureSettings, made: FeatureSettings, checkpoint: Checkpoint) -> str | None:
    """Return what `Pooling.AUTO` stands for and why, in one line; None where it was not asked for."""
    if Pooling.AUTO not in asked.pooling:
        return None
    stated = stated_by(checkpoint)
    own = stated.pooling or next(pooling for pooling in made.pooling if pooling in (Pooling.CLS, Pooling.LAST))
    if stated.pooling is None:
        kind = "a decoder" if own is Pooling.LAST else "an encoder"
        return f"`pooling` auto is {own.value}: {kind} that says nothing else of itself"
    parts = [own.value]
    parts += ["normalised"] if made.normalize else []
    parts += [f"{made.max_length} tokens"] if made.max_length is not None else []
    parts += [f"prompt {made.prompt!r}"] if made.prompt else []
    return f"`pooling` auto is {', '.join(parts)}: the checkpoint's own word (modules.json)"
