"""Keywords of functions become settings; a wrong name or value is an error that offers the right one."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from featx.errors import SettingsError
from featx.experiment.settings_file import check_keys
from featx.experiment.workspace import Workspace
from featx.settings import cache_place
from featx.settings.base import hints_of

#: Keywords and the fields that they stand for.
_SHORT = {"layer": "layers", "pooling": "poolings"}
#: Keywords that say where things are kept.
PLACES = tuple(field.name for field in fields(Workspace))


def names_of(*kinds: type[Any]) -> list[str]:
    """Return the keywords that stand for the fields of settings dataclasses."""
    short = {field: keyword for keyword, field in _SHORT.items()}
    return [short.get(field.name, field.name) for kind in kinds for field in fields(kind)]


def split_keywords(keywords: Mapping[str, Any], names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return those of `keywords` that have one of `names`, and the others."""
    own = {name: value for name, value in keywords.items() if name in names}
    return own, {name: value for name, value in keywords.items() if name not in names}


def settings_of(
    kinds: Sequence[type[Any]],
    objects: Sequence[Any],
    keywords: Mapping[str, Any],
    function: str,
    also: Sequence[str] = (),
) -> list[Any]:
    """Return settings of each of `kinds`.

    Parameters
    ----------
    kinds : sequence of type
        Settings dataclasses; no two share a field.
    objects : sequence
        Settings that are there already; the defaults where one is missing.
    keywords : mapping
        Fields to change, by name.
    function : str
        What was called, for messages.
    also : sequence of str
        Further names that `function` takes, which may be the ones that were meant.

    Raises
    ------
    SettingsError
        For an unknown keyword, where it offers the nearest; for a value that cannot be; and for an object that
        `function` does not take.
    """
    check_keys(keywords, [*names_of(*kinds), *also], function)
    for one in objects:
        if not isinstance(one, tuple(kinds)):
            expected = ", ".join(kind.__name__ for kind in kinds)
            raise SettingsError(f"{function} was given a {type(one).__name__}; expected {expected}, or keywords")
    made = []
    for kind in kinds:
        base = next((one for one in objects if isinstance(one, kind)), None) or kind()
        names = {field.name for field in fields(kind)}
        hints = hints_of(kind)  # type: ignore[arg-type]
        own = {name: value for key, value in keywords.items() if (name := _SHORT.get(key, key)) in names}
        made.append(replace(base, **{name: _value(value, hints[name]) for name, value in own.items()}))
    return made


def _value(value: Any, hint: Any) -> Any:
    """Return a tuple where a setting takes several values and one was given, or several as ``"a,b"``."""
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    several = [part for part in (hint, *typing.get_args(hint)) if typing.get_origin(part) is tuple]
    if not several or (isinstance(value, Sequence | range | set | frozenset) and not isinstance(value, str)):
        return value
    if value == "all" and type(None) in typing.get_args(hint):
        return None
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(","))
    return value if value is None else (value,)


def workspace_of(keywords: Mapping[str, Any]) -> Workspace:
    """Return the folders that keywords of `PLACES` name."""
    given = dict(keywords)
    if given.get("results") is not None:
        given["results"] = Path(given["results"])
    if given.get("cache_dir") is not None:
        given["cache_dir"] = cache_place(given["cache_dir"])
    return Workspace(**given)
