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


def in_words(seconds: float) -> str:
    """Return a time as people read it, rounded.

    Examples
    --------
    >>> [in_words(seconds) for seconds in (0.4, 42.3, 200, 5_000, 90_000)]
    ['under 1 s', '42 s', '3 min 20 s', '1 h 23 min', '25 h 0 min']
    """
    if seconds < 1:
        return "under 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
