"""``featx cache``: what the cache folder holds, and its maintenance."""

from __future__ import annotations

import re

from featx.errors import SettingsError
from featx.features.store.maintenance import StoreFacts, clear, compact, gc, list_stores, verify
from featx.features.store.shard import BadShard

__all__ = [
    "BadShard",
    "StoreFacts",
    "clear",
    "compact",
    "describe",
    "gc",
    "list_stores",
    "parse_age",
    "parse_size",
    "verify",
]

_AGE_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_SIZE_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def describe(store: StoreFacts) -> str:
    """Return a store's spec in words."""
    spec = store.spec
    if not spec:
        return f"unknown ({store.folder.name[:12]})"
    long = f", {spec['long']}" if "long" in spec else ""
    return (
        f"layer {spec.get('layer')} {spec.get('pooling')}, {spec.get('dtype')}, up to {spec.get('max_length')} tokens"
        f"{long}, checkpoint {str(spec.get('checkpoint'))[:12]}"
    )


def parse_age(text: str) -> float:
    """Return seconds out of ``30d``, ``12h``, ``2w``.

    Raises
    ------
    SettingsError
        If it is no such age.

    Examples
    --------
    >>> parse_age("2h")
    7200.0
    """
    match = re.fullmatch(r"(\d{1,9})([smhdw])", text.strip())
    if match is None:
        raise SettingsError(f"`older_than` is {text!r}; expected a number and s, m, h, d or w, such as 30d")
    return float(match[1]) * _AGE_UNITS[match[2]]


def parse_size(text: str) -> int:
    """Return bytes out of ``500M``, ``20G``.

    Raises
    ------
    SettingsError
        If it is no such size.

    Examples
    --------
    >>> parse_size("2K")
    2048
    """
    match = re.fullmatch(r"(\d{1,15})([KMGT]?)B?", text.strip().upper())
    if match is None:
        raise SettingsError(f"`max_size` is {text!r}; expected a number and K, M, G or T, such as 20G")
    return int(match[1]) * _SIZE_UNITS[match[2]]
