"""Arguments of functions become settings; a wrong name or value is an error that offers the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from featx.experiment.workspace import Workspace
from featx.settings import ComputeSettings, FeatureSettings, aliases_of, check_keys, settings_from
from featx.settings.base import Settings

T = TypeVar("T", bound=Settings)

#: Arguments that say where and how, by the function's own names.
COMPUTE = ("device", "batch_tokens", "threads")
PLACES = ("results", "experiment", "cache_dir", "overwrite", "texts")
FEATURES = ("layer", "pooling", "max_length", "dtype")


def changed(settings: T, changes: Mapping[str, Any], where: str, also: Sequence[str] = ()) -> T:
    """`settings` with some fields changed; sequences become tuples.

    Parameters
    ----------
    settings : dataclass
    changes : mapping of field name to value
    where : str
        The function that is called, for the message.
    also : sequence of str
        Further names that `where` takes, which may be the ones that were meant.

    Raises
    ------
    SettingsError
        For a name that is no field, where it offers the nearest, and for a value of the wrong kind.
    """
    check_keys(changes, [*names_of(settings), *also], where, aliases_of(type(settings)))
    return settings_from(type(settings), changes, where, settings)


def names_of(settings: Any) -> list[str]:
    """Names of the fields of a settings dataclass, or of one of its objects."""
    return [f.name for f in fields(settings)]


def taken(options: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Options out of `options` that have one of `names`; they are removed from it."""
    return {name: options.pop(name) for name in names if name in options}


def feature_settings(options: dict[str, Any]) -> FeatureSettings:
    """Feature settings out of (and removed from) `options`."""
    return settings_from(FeatureSettings, taken(options, FEATURES))


def compute_settings(options: dict[str, Any]) -> ComputeSettings:
    """Compute settings out of (and removed from) `options`."""
    return settings_from(ComputeSettings, taken(options, COMPUTE))


def workspace(options: dict[str, Any]) -> Workspace:
    """Folders out of (and removed from) `options`."""
    return settings_from(Workspace, taken(options, PLACES))


def nothing_left(options: Mapping[str, Any], function: str) -> None:
    """Check that every argument was understood.

    Raises
    ------
    SettingsError
        For one that was not; offers the nearest.
    """
    check_keys(options, [*FEATURES, *COMPUTE, *PLACES], function)
