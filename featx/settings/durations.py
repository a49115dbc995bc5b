"""Times as people write them: 90s, 30m, 1h30m. Imports ``errors``."""

from __future__ import annotations

import re

from featx.errors import SettingsError

_SECONDS = {"h": 3_600.0, "m": 60.0, "s": 1.0}
_WRITTEN = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?")


def seconds_of(text: str, setting: str = "budget") -> float:
    """Return the seconds that `text` stands for.

    Raises
    ------
    SettingsError
        If it is no time above zero.

    Examples
    --------
    >>> [seconds_of(text) for text in ("90s", "30m", "1h30m", "0.5h")]
    [90.0, 1800.0, 5400.0, 1800.0]
    """
    found = _WRITTEN.fullmatch(text.strip().lower().replace(" ", ""))
    parts = [] if found is None else [float(n) * _SECONDS[u] for n, u in zip(found.groups(), "hms", strict=True) if n]
    if not parts or sum(parts) <= 0:
        raise SettingsError(f"`{setting}` is {text!r}; expected a time such as 90s, 30m or 1h30m", setting)
    return sum(parts)
