"""Values of one format in a file of another, which may not have such values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def as_json(row: Mapping[str, Any]) -> bytes:
    """Return a row as JSON in UTF-8: null for numbers that it does not have, text for dates, decimals and bytes."""
    return json.dumps(_finite(row), ensure_ascii=False, allow_nan=False, default=as_text).encode()


def as_text(value: object) -> str:
    """Return the text that stands for a value in a file that has no such values."""
    if isinstance(value, Mapping | list | tuple):
        return as_json(value).decode()  # type: ignore[arg-type]
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name if isinstance(name, str) else as_text(name): _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value
