"""The base of all groups of settings: every value is checked and made what its declaration says."""

from __future__ import annotations

import functools
import math
import typing
from dataclasses import fields
from enum import Enum
from typing import Any

import msgspec

from featx.errors import SettingsError
from featx.settings.declare import meta_of, plain_type
from featx.settings.words import expected


class Settings:
    """Base of frozen dataclasses whose fields are declared with `setting`.

    Words become members, lists become tuples, whole numbers become floats where one is wanted.

    Raises
    ------
    SettingsError
        When one is made with a value of another type, out of its range or not among its choices.
    """

    def __post_init__(self) -> None:
        for name, hint in hints_of(type(self)).items():  # type: ignore[arg-type]
            object.__setattr__(self, name, checked(name, getattr(self, name), hint))


@functools.cache
def hints_of(kind: type[Any]) -> dict[str, Any]:
    """Return the declared type of each field, with what `setting` says of it."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def checked(name: str, value: Any, hint: Any) -> Any:
    """Return `value` as the declaration `hint` of the setting `name` wants it.

    Raises
    ------
    SettingsError
        If it cannot be; says what was expected.

    Examples
    --------
    >>> checked("layers", [0, -1], tuple[int, ...])
    (0, -1)
    """
    plain = _plain(value)
    try:
        made = msgspec.convert(plain, plain_type(hint), strict=True)
    except msgspec.ValidationError:
        made = _WRONG
    if made is _WRONG or (isinstance(made, float) and not math.isfinite(made)) or made == ():
        raise SettingsError(f"`{name}` is {_shown(value)}; expected {expected(hint)}", name)
    return made


_WRONG = object()


def _plain(value: Any) -> Any:
    """Return lists for sequences and sets, words for members, and Python's numbers for numpy's."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list | range | set | frozenset):
        return [_plain(one) for one in value]
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def _shown(value: Any) -> str:
    if value in ((), []):
        return "empty"
    return f"{str(value) if isinstance(value, Enum) else value!r:.60}"


__all__ = ["Settings", "checked", "hints_of", "meta_of"]
