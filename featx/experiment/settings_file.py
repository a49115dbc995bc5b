"""Settings from a table of names and values: unknown names and wrong kinds are errors with the nearest valid name."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any, TypeVar

from featx.errors import SettingsError
from featx.settings import choose

T = TypeVar("T")


def check_keys(table: Mapping[str, Any], valid: list[str], where: str) -> None:
    """Check that every key of `table` is valid.

    Raises
    ------
    SettingsError
        At the first that is not; offers the nearest.
    """
    for key in table:
        if key not in valid:
            near = difflib.get_close_matches(key, valid, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"expected some of: {', '.join(valid)}"
            raise SettingsError(f"{where}: unknown key {key[:40]!r}; {hint}")


def settings_from(kind: type[T], table: Any, where: str) -> T:
    """A settings dataclass from a table of a TOML file.

    Raises
    ------
    SettingsError
        For an unknown key or a value of the wrong kind.
    """
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where} is {table!r:.60}; expected a table of settings")
    check_keys(table, [f.name for f in fields(kind)], where)  # type: ignore[arg-type]
    return kind(**checked_values(kind, table, where))


def checked_values(kind: type[Any], table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Values of `table` as the fields of the dataclass `kind` that they are named after want them.

    Raises
    ------
    SettingsError
        For a value of the wrong kind.
    """
    hints = typing.get_type_hints(kind)
    return {key: _value(value, hints[key], f"{where}.{key}") for key, value in table.items()}


def _value(value: Any, hint: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        wanted = next(part for part in typing.get_args(hint) if part is not type(None))
        if value == "all" and typing.get_origin(wanted) is tuple:
            return None  # no choice among them
        return _value(value, wanted, where)
    if origin is tuple:
        item = typing.get_args(hint)[0]
        values = value if isinstance(value, list) else [value]
        if not values:
            raise SettingsError(f"{where} is empty; expected one value or more")
        return tuple(_value(v, item, where) for v in values)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return choose(hint, str(value), where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise SettingsError(f"{where} is {value!r:.60}; expected {_KINDS.get(hint, hint.__name__)}")
    return value


_KINDS = {int: "a whole number", float: "a number", str: "a string in quotes", bool: "true or false"}
