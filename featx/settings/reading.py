"""Settings from names and values: keyword arguments of Python, tables of experiment files.

``settings_from(kind, mapping, where)`` is the one way in. Names of version 0.1 (`Declared.aliases`) are read as the
new ones, an unknown name is an error that offers the nearest, and every value is checked by its declaration. Public
functions type their keywords by the classes in ``featx.settings.keywords``::

    def baseline(dataset, checkpoint=…, **settings: Unpack[BaselineCall]) -> Runs:
        data, features, wanted = split_settings((DataSettings, FeatureSettings, BaselineSettings), settings, "baseline")
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from featx.errors import SettingsError
from featx.settings.base import Settings, hints_of
from featx.settings.declare import declared_of

S = TypeVar("S", bound=Settings)
#: Letters of a part of a name that say enough to offer the name.
_LEAST_HELD = 4


def names_of(kind: type[Settings]) -> list[str]:
    """Return the names of the settings of `kind`."""
    return [field.name for field in fields(kind)]


def aliases_of(kind: type[Settings]) -> dict[str, str]:
    """Return the names of version 0.1, each with the name that it is read as."""
    return {alias: name for name, hint in hints_of(kind).items() for alias in declared_of(hint).aliases}


def check_keys(
    table: Mapping[str, Any], valid: Sequence[str], where: str, aliases: Mapping[str, str] | None = None
) -> None:
    """Check that every key of `table` is valid, or one of the `aliases`.

    Raises
    ------
    SettingsError
        At the first that is not; offers the nearest, an alias by its new name.
    """
    known = {name: name for name in valid} | dict(aliases or {})
    for key in table:
        if key not in known:
            near = _nearest(key, list(known))
            hint = f"did you mean {known[near[0]]!r}?" if near else f"expected some of: {', '.join(valid)}"
            raise SettingsError(f"{where}: unknown key {key[:40]!r}; {hint}")


def _nearest(key: str, known: Sequence[str]) -> list[str]:
    """Return the names that begin with `key`, else the shortest that holds it whole, else the likest."""
    if not key:
        return []
    starting = [name for name in known if name.startswith(key)]
    holding = sorted((name for name in known if len(key) >= _LEAST_HELD and key in name), key=len)
    return starting or holding[:1] or difflib.get_close_matches(key[:100], known, n=1, cutoff=0.4)


def settings_from(kind: type[S], table: Any, where: str = "", base: S | None = None, prefix: str | None = None) -> S:
    """Return settings out of a mapping of names to values; what it leaves out stays as it is in `base`.

    Parameters
    ----------
    kind : type
        A group of settings.
    table : mapping of str to value
    where : str
        A file, or a function: opens the message.
    base : optional
        The defaults when None.
    prefix : str, optional
        Table of the file that `where` names, which the message then shows before each name; "" at its top.

    Raises
    ------
    SettingsError
        For an unknown name or a value that cannot be.

    Examples
    --------
    >>> from featx.settings.data import DataSettings
    >>> settings_from(DataSettings, {"address": "reviews.csv"}).dataset
    'reviews.csv'
    """
    place = ": ".join(part for part in (where, prefix) if part)
    if not isinstance(table, Mapping):
        raise SettingsError(f"{place} is {table!r:.60}; expected a table of settings")
    aliases, names = aliases_of(kind), names_of(kind)
    check_keys(table, names, place, aliases)
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = key if key in names else aliases[key]
        if name in values:
            raise SettingsError(f"{place}: {key!r} and {name!r} are one setting; remove one", name)
        values[name] = value
    try:
        return kind(**values) if base is None else replace(base, **values)
    except SettingsError as e:
        if prefix is None:
            raise
        dotted = f"{prefix}." if prefix else ""
        spelled = e.spelled(lambda name: f"{dotted}{name}" if name in names else None)
        raise SettingsError(f"{where}: {spelled}", e.setting) from None


def split_settings(
    kinds: Sequence[type[Settings]], given: Mapping[str, Any], where: str, bases: Mapping[type[Settings], Settings] = {}
) -> list[Any]:
    """Return settings of several groups out of one mapping of names to values.

    A name that two groups have, such as ``max_length``, is given to both; one that is a name of today's in any of
    them is not read as an old name of another.

    Raises
    ------
    SettingsError
        For a name that no group has, where it offers the nearest, and for a value that cannot be.
    """
    aliases = {alias: name for kind in kinds for alias, name in aliases_of(kind).items()}
    shown = list(dict.fromkeys(name for kind in kinds for name in names_of(kind)))
    check_keys(given, shown, where, aliases)
    made = []
    for kind in kinds:
        known = {*names_of(kind), *(alias for alias in aliases_of(kind) if alias not in shown)}
        own = {key: value for key, value in given.items() if key in known}
        made.append(settings_from(kind, own, where, bases.get(kind)))
    return made
