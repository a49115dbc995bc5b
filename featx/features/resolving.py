"""From what was asked for to what is computed: `FeatureSettings` in which nothing is left to the checkpoint.

Where `Pooling.AUTO` is among the poolings, the checkpoint's own word counts for all that the user left open: pooling,
normalising, longest input and prompt. Where poolings are named, nothing is done to a text that was not asked for.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from typing import Any

from featx.errors import CheckpointError, FeatxWarning, SettingsError
from featx.features.configuration import is_causal, is_encoder_decoder, load_config
from featx.features.limits import position_limit
from featx.features.stated import Stated, stated_by
from featx.settings import Checkpoint, FeatureSettings, Pooling

#: A word that can only be the name of a prompt: as text it would run into the text's own first word.
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


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
        If the prompt is a single word, and none of the checkpoint's prompts has that name.
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
    prompt = _prompt(features.prompt, stated, asks, checkpoint.name)
    if asks and prompt and not stated.pools_prompt:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} leaves the prompt's tokens out of its pooling, which featx does not; name "
            "`pooling` mean to have them in it, or give an empty `prompt`"
        )
    own, length = Pooling.CLS, None
    if asks:
        config = load_config(checkpoint) if config is None else config
        own, length = stated.pooling or _usual(config)[0], _own_length(stated, config)
        _tell_of_unknown(checkpoint, stated, own)
    poolings = tuple(dict.fromkeys(own if pooling is Pooling.AUTO else pooling for pooling in features.pooling))
    normalize = asks and stated.normalize if features.normalize is None else features.normalize
    length = length if features.max_length is None else features.max_length
    return replace(features, pooling=poolings, normalize=normalize, prompt=prompt, max_length=length)


def _usual(config: Any) -> tuple[Pooling, str]:
    """Return the pooling that is usual for a kind of model, and the kind in words.

    Of an encoder-decoder it is the mean: no training ever made the first token of its encoder stand for the text, and
    many of its tokenizers add none (Ni et al., 2022, "Sentence-T5", compare the two).
    """
    if is_encoder_decoder(config):
        return Pooling.MEAN, "the encoder of an encoder-decoder"
    return (Pooling.LAST, "a decoder") if is_causal(config) else (Pooling.CLS, "an encoder")


def _tell_of_unknown(checkpoint: Checkpoint, stated: Stated, own: Pooling) -> None:
    if stated.unknown:
        warnings.warn(
            f"whether checkpoint {checkpoint.name!r} says itself how texts become vectors is unknown, since the Hub "
            f"cannot be reached and {stated.unknown} is not cached; `pooling` {own.value} is taken: name it, or go "
            "online once",
            FeatxWarning,
            stacklevel=1,  # one place, so that Python shows it once
        )


def _own_length(stated: Stated, config: Any) -> int | None:
    """Return the longest input that a checkpoint states, as far as its positions allow."""
    positions = position_limit(config)
    return stated.max_length if positions is None or stated.max_length is None else min(stated.max_length, positions)


def _prompt(given: str | None, stated: Stated, asks: bool, name: str) -> str:
    """Return the text before each text: that of a prompt by name, else what was given itself."""
    if given is None:
        return stated.default_prompt if asks else ""
    if given in stated.prompts:
        return stated.prompts[given]
    if _NAME.fullmatch(given) and given not in stated.prompts.values():
        known = ", ".join(sorted(stated.prompts)) or "none"
        raise SettingsError(
            f"`prompt` {given!r} looks like a name, but checkpoint {name!r} has no such prompt (it has: {known}); give "
            "one of these, or the text itself, such as 'query: '",
            "prompt",
        )
    return given


def in_words(asked: FeatureSettings, made: FeatureSettings, checkpoint: Checkpoint, config: Any = None) -> str | None:
    """Return what `Pooling.AUTO` stands for and why, in one line; None where it was not asked for."""
    if Pooling.AUTO not in asked.pooling:
        return None
    stated = stated_by(checkpoint)
    if stated.pooling is None:
        own, kind = _usual(load_config(checkpoint) if config is None else config)
        return f"`pooling` auto is {own.value}: {kind} that says nothing else of itself"
    parts = [stated.pooling.value]
    parts += ["normalised"] if made.normalize else []
    parts += [f"{made.max_length} tokens"] if made.max_length is not None else []
    parts += [f"prompt {made.prompt!r}"] if made.prompt else []
    return f"`pooling` auto is {', '.join(parts)}: the checkpoint's own word (modules.json)"
