"""The base of all groups of settings: every value is checked and made what its declaration says."""

from __future__ import annotations

import functools
import math
import os
import typing
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from featx.errors import SettingsError
from featx.settings.cache import CacheUrl, cache_place
from featx.settings.declare import bare, declared_of, item_of, plain_type
from featx.settings.paths import home
from featx.settings.words import expected

#: Numbers beyond these are no setting's: torch and numpy hold none that are larger.
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Settings:
    """Base of frozen dataclasses whose fields are declared with `setting`.

    Words become members, one value or a list becomes a tuple where several may stand, whole numbers become floats
    where one is wanted, and ``~`` becomes the home folder where a path may stand.

    Attributes
    ----------
    table : str
        Name of the table in experiment files.
    heading : str
        Heading of the options in ``--help``.

    Raises
    ------
    SettingsError
        When one is made with a value of another type, out of its range or not among its choices.
    """

    table: ClassVar[str] = ""
    heading: ClassVar[str] = ""

    def __init_subclass__(cls, table: str = "", heading: str = "") -> None:
        if table:
            cls.table, cls.heading = table, heading

    def __post_init__(self) -> None:
        for name, hint in hints_of(type(self)).items():
            object.__setattr__(self, name, checked(name, getattr(self, name), hint))


def hints_of(kind: type[Any]) -> dict[str, Any]:
    """Return the declared type of each field, with what `setting` says of it."""
    return _hints(kind)  # type: ignore[arg-type]


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
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
    >>> checked("layer", [0, -1], tuple[int, ...])
    (0, -1)
    >>> checked("layer", 3, tuple[int, ...])
    (3,)
    """
    declared, plain = declared_of(hint), _plain(value)
    if isinstance(plain, str) and plain == declared.word_for_none:
        return None
    if Path in (bare(hint), *typing.get_args(bare(hint))):
        made = _path(plain, hint)
    else:
        if declared.home and isinstance(plain, str | os.PathLike):
            plain = home(os.fspath(plain))
        if item_of(hint) is not None and plain is not None:
            plain = _several(plain)
        made = _converted(plain, plain_type(hint))
    if made is _WRONG or (isinstance(made, tuple) and not made):
        raise SettingsError(f"`{name}` is {_shown(value)}; expected {expected(hint, value)}", name)
    return made


_WRONG = object()


def _converted(plain: Any, wanted: Any) -> Any:
    if any(isinstance(one, int) and abs(one) > _LARGEST for one in (plain if isinstance(plain, list) else [plain])):
        return _WRONG
    try:
        made = msgspec.convert(plain, wanted, strict=True)
    except (msgspec.ValidationError, OverflowError, UnicodeError):  # the last for half a surrogate pair
        return _WRONG
    if isinstance(made, float) and not math.isfinite(made):
        return _WRONG
    return tuple(dict.fromkeys(made)) if isinstance(made, tuple) else made


def _path(value: Any, hint: Any) -> Any:
    if value is None or isinstance(value, CacheUrl):
        wanted = type(None) if value is None else CacheUrl
        return value if wanted in typing.get_args(plain_type(hint)) else _WRONG
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        return _WRONG
    where = home(os.fspath(value))
    return Path(where) if bare(hint) is Path else cache_place(where)


def _several(plain: Any) -> Any:
    """Return a list: one value alone, or the parts of ``"cls,mean"``."""
    if isinstance(plain, str):
        return [part.strip() for part in plain.split(",")]
    return plain if isinstance(plain, list) else [plain]


def _plain(value: Any) -> Any:
    """Return lists for sequences and sets, words for members, and Python's numbers for numpy's."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list | range | set | frozenset):
        return [_plain(one) for one in value]
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list) and not value:
        return "empty"
    try:
        return f"{str(value) if isinstance(value, Enum) else value!r:.60}"
    except ValueError:  # of a whole number with thousands of digits
        return "a number of thousands of digits"
