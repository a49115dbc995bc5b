"""Texts from anything that yields them: lists, generators, Arrow columns; nothing is read ahead of its use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from featx.errors import ExtractionError

#: Rows of an Arrow column that are turned into strings at once.
_ARROW_ROWS = 1_024


def strings(texts: Iterable[Any]) -> Iterator[str]:
    """Return each of `texts`, after a check that it is one.

    Raises
    ------
    ExtractionError
        At the first that is no string, or that UTF-8 cannot hold; names its position.
    """
    for position, text in enumerate(_items(texts), 1):
        if not isinstance(text, str):
            kind = type(text).__name__
            raise ExtractionError(f"text {position} is of type {kind}, expected a string; convert or remove it")
        try:
            text.encode()
        except UnicodeEncodeError as e:
            raise ExtractionError(f"text {position} holds a lone surrogate, which no UTF-8 text can; mend it") from e
        yield text


def _items(texts: Any) -> Iterator[Any]:
    if hasattr(texts, "to_pylist") and hasattr(texts, "slice"):  # an Arrow array yields scalars, not strings
        for start in range(0, len(texts), _ARROW_ROWS):
            yield from texts.slice(start, _ARROW_ROWS).to_pylist()
    else:
        yield from texts
