"""What a setting expects, in words for messages: derived from its declaration."""

from __future__ import annotations

from enum import Enum
from typing import Any

from featx.settings.declare import bare, bounds_of, declared_of, item_of

_KINDS = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}


def expected(hint: Any, value: Any = None) -> str:
    """Return in words which values the annotation `hint` allows; of a number that is out of range, the range.

    Examples
    --------
    >>> from typing import Annotated
    >>> from msgspec import Meta
    >>> expected(Annotated[float | None, Meta(gt=0)])
    'a number above 0'
    >>> expected(Annotated[int, Meta(ge=1)], 0)
    '1 or more'
    >>> expected(tuple[Annotated[int, Meta(ge=0, le=9)], ...])
    'whole numbers from 0 to 9'
    """
    word = declared_of(hint).word_for_none
    return _expected(hint, value) + (f", or {word}" if word else "")


def _expected(hint: Any, value: Any) -> str:
    item, wanted = item_of(hint), bare(hint)
    if item is not None:
        inner = bare(item)
        if isinstance(inner, type) and issubclass(inner, Enum):
            return f"one or more of: {_members(inner)}"
        if inner is int:
            return f"whole numbers{_range(bounds_of(item))}"
        return "one or more strings"
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return f"one of: {_members(wanted)}"
    bounds = bounds_of(hint)
    unit = declared_of(hint).unit
    if set(bounds) == {"ge"}:
        least = f"{bounds['ge']:g}{f' {unit}' if unit else ''} or more"
        if _is_number(value):
            return least if wanted is float or isinstance(value, int) else f"a whole number, {least}"
        return f"{_KINDS[wanted]}, {least}"
    return (unit or _KINDS.get(wanted, "a path")) + _range(bounds)


def _members(kind: type[Enum]) -> str:
    return ", ".join(str(member.value) for member in kind)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _range(bounds: dict[str, Any]) -> str:
    if "ge" in bounds and "le" in bounds:
        return f" from {bounds['ge']} to {bounds['le']}"
    low = f" above {bounds['gt']:g}" if "gt" in bounds else f" from {bounds['ge']:g}" if "ge" in bounds else ""
    high = f" below {bounds['lt']:g}" if "lt" in bounds else f" up to {bounds['le']:g}" if "le" in bounds else ""
    return f"{low} {'to' if 'ge' in bounds else 'and'}{high}" if low and high else low + high
