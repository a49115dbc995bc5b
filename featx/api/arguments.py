"""Arguments of functions become settings; a wrong name or value is an error that offers the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from featx.errors import SettingsError
from featx.experiment.settings_file import check_keys, checked_values
from featx.experiment.workspace import Workspace
from featx.settings import ComputeSettings, Device, Dtype, FeatureSettings, Pooling, cache_place, choose

T = TypeVar("T")

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
    check_keys(changes, [*names_of(settings), *also], where)
    tuples = {name for name in names_of(settings) if isinstance(getattr(settings, name), tuple)}
    plain = {name: _plain(value, name in tuples) for name, value in changes.items()}
    made: T = replace(settings, **checked_values(type(settings), plain, where))  # type: ignore[type-var]
    return made


def _plain(value: Any, several: bool) -> Any:
    """A value as an experiment file would hold it: lists, and numbers of Python in place of numpy's."""
    if several:
        return [_plain(one, False) for one in as_tuple(value)]
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def names_of(settings: Any) -> list[str]:
    """Names of the fields of a settings dataclass, or of one of its objects."""
    return [f.name for f in fields(settings)]


def as_tuple(value: Any) -> tuple[Any, ...]:
    """A sequence as a tuple, anything else as a tuple of one; ``"a,b"`` is two names."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(","))
    return tuple(value) if isinstance(value, Sequence | range | set | frozenset) else (value,)


def taken(options: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Options out of `options` that have one of `names`; they are removed from it."""
    return {name: options.pop(name) for name in names if name in options}


def feature_settings(options: dict[str, Any]) -> FeatureSettings:
    """Feature settings out of (and removed from) `options`."""
    given = taken(options, FEATURES)
    layer = given.get("layer", -1)
    layers = None if layer == "all" or layer is None else as_tuple(layer)
    if layers is not None and not all(isinstance(one, int) and not isinstance(one, bool) for one in layers):
        raise SettingsError(f"layer is {layer!r}; expected a whole number, several, or 'all'")
    return FeatureSettings(
        layers,
        tuple(choose(Pooling, str(one), "pooling") for one in as_tuple(given.get("pooling", Pooling.CLS.value))),
        given.get("max_length"),
        choose(Dtype, str(given.get("dtype", Dtype.FLOAT32.value)), "dtype"),
    )


def compute_settings(options: dict[str, Any]) -> ComputeSettings:
    """Compute settings out of (and removed from) `options`."""
    given = taken(options, COMPUTE)
    device = choose(Device, str(given.get("device", Device.AUTO.value)), "device")
    return ComputeSettings(device, given.get("batch_tokens"), given.get("threads"))


def workspace(options: dict[str, Any]) -> Workspace:
    """Folders out of (and removed from) `options`."""
    given = taken(options, PLACES)
    if given.get("results") is not None:
        given["results"] = Path(given["results"])
    if given.get("cache_dir") is not None:
        given["cache_dir"] = cache_place(given["cache_dir"])
    return Workspace(**given)


def nothing_left(options: Mapping[str, Any], function: str) -> None:
    """Check that every argument was understood.

    Raises
    ------
    SettingsError
        For one that was not; offers the nearest.
    """
    check_keys(options, [*FEATURES, *COMPUTE, *PLACES], function)
