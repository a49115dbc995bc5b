"""What a setting expects, in words for messages: derived from its declaration."""

from __future__ import annotations

import types
import typing
from enum import Enum
from typing import Any

from msgspec import Meta

from featx.settings.declare import bounds_of

_KINDS = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}


def expected(hint: Any) -> str:
    """Return in words which values the annotation `hint` allows.

    Examples
    --------
    >>> from typing import Annotated
    >>> expected(Annotated[float | None, Meta(gt=0)])
    'a number above 0, or none'
    >>> expected(tuple[Annotated[int, Meta(ge=0, le=9)], ...])
    'one value or more, each a whole number from 0 to 9'
    """
    bounds: dict[str, Any] = {}
    while hasattr(hint, "__metadata__"):
        for part in hint.__metadata__:
            if isinstance(part, Meta):
                bounds |= bounds_of(part)
        hint = hint.__origin__
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        (wanted,) = (part for part in arguments if part is not type(None))
        inner = expected(typing.Annotated[wanted, Meta(**bounds)] if bounds else wanted)
        return f"{inner}, or none"
    if origin is tuple:
        return f"one value or more, each {expected(arguments[0])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of: " + ", ".join(str(member.value) for member in hint)
    return _KINDS.get(hint, getattr(hint, "__name__", str(hint))) + _range(bounds)


def _range(bounds: dict[str, Any]) -> str:
    if "ge" in bounds and "le" in bounds:
        return f" from {bounds['ge']} to {bounds['le']}"
    low = f" above {bounds['gt']:g}" if "gt" in bounds else f" from {bounds['ge']:g} up" if "ge" in bounds else ""
    high = f" below {bounds['lt']:g}" if "lt" in bounds else f" up to {bounds['le']:g}" if "le" in bounds else ""
    return f"{low} and{high}" if low and high else low + high
