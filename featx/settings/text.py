"""Settings as text: what command line and environment hand over becomes a value, and a value becomes such text."""

from __future__ import annotations

from enum import Enum
from typing import Any

from featx.errors import SettingsError
from featx.settings.base import checked
from featx.settings.declare import bare, declared_of, item_of
from featx.settings.words import expected


def from_text(name: str, text: str, hint: Any) -> Any:
    """Return the value of the setting `name` that `text` stands for.

    Raises
    ------
    SettingsError
        If it stands for none.

    Examples
    --------
    >>> from_text("seeds", "0, 1,2", tuple[int, ...])
    (0, 1, 2)
    """
    if text.strip() == declared_of(hint).word_for_none:
        return None
    item = item_of(hint)
    if item is None:
        return checked(name, _scalar(text, bare(hint)), hint)
    parts = [_scalar(part.strip(), bare(item)) for part in text.split(",")]
    try:
        return checked(name, parts if "" not in parts else [], hint)
    except SettingsError:
        raise SettingsError(f"`{name}` is {text!r:.60}; expected {expected(hint)}", name) from None


def _scalar(text: str, kind: Any) -> Any:
    """Return a number or the proper case of a word where `text` is one; else `text`, which then is refused."""
    if kind in (int, float):
        for made in (int, float):
            try:
                return made(text)
            except ValueError:
                continue
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next((member.value for member in kind if member.value.lower() == text.strip().lower()), text)
    return text


def to_text(value: Any, hint: Any) -> str:
    """Return `value` as the command line takes it.

    Examples
    --------
    >>> to_text((0, 1), tuple[int, ...])
    '0,1'
    """
    if value is None:
        return declared_of(hint).word_for_none or ""
    if isinstance(value, tuple):
        return ",".join(to_text(one, item_of(hint)) for one in value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
