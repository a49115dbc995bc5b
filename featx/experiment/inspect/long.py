"""What each way to read long texts keeps of a data set's, and which to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.features.long_tokens import n_windows
from featx.settings import Long

#: Share of the tokens that may be lost before another way than cutting is worth its time.
_FEW = 0.01


@dataclass(frozen=True)
class Kept:
    """What one way keeps of the texts of all splits.

    Attributes
    ----------
    long : str
    max_length : int
        Tokens of an input of the encoder, special ones included.
    longer : float
        Share of the texts that are longer, from 0 to 1.
    kept, kept_of_longer : float
        Share of the tokens that reach the encoder: of all texts, and of the longer ones alone (1 where there are none).
    windows, most_windows : float, int
        Inputs that a text becomes: mean, and most of all texts.
    cost : float
        Tokens to encode, relative to cutting: tokens in two windows count twice, special ones in every window.
    """

    long: str
    max_length: int
    longer: float
    kept: float
    kept_of_longer: float
    windows: float
    most_windows: int
    cost: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def kept_by_each(lengths: NDArray[np.int64], max_length: int, n_special: int) -> list[Kept]:
    """Return what each way keeps.

    Parameters
    ----------
    lengths : ndarray of shape (n_texts,), int64
        Tokens of each text, special ones included.
    max_length, n_special : int
        Tokens of an input, and how many of them are special.
    """
    return [_kept(long, lengths, max_length, n_special) for long in Long]


def _kept(long: Long, lengths: NDArray[np.int64], max_length: int, n_special: int) -> Kept:
    longer = lengths > max_length
    cut = np.minimum(lengths, max_length)
    reached = lengths if long is Long.WINDOWS else cut
    room = max_length - n_special
    windows = n_windows(lengths - n_special, room) if long is Long.WINDOWS else np.ones_like(lengths)
    encoded = reached + (windows - 1) * (n_special + room // 8)
    return Kept(
        long.value,
        max_length,
        float(longer.mean()),
        float(reached.sum() / lengths.sum()),
        float(reached[longer].sum() / lengths[longer].sum()) if longer.any() else 1.0,
        float(windows.mean()),
        int(windows.max()),
        float(encoded.sum() / cut.sum()),
    )


def suggestion(kept: Sequence[Kept]) -> str:
    """Return which way to take, in one line."""
    cut, windows = kept[0], kept[-1]
    if not cut.longer:
        return f"no text is longer than {cut.max_length} tokens: `long` changes nothing"
    if 1 - cut.kept < _FEW:
        return (
            f"`long` cut keeps {cut.kept:.1%} of the tokens, so that another way can hardly matter "
            f"({cut.longer:.1%} of the texts are longer than {cut.max_length} tokens)"
        )
    return (
        f"`long` cut loses {1 - cut.kept:.0%} of the tokens; name `long` cut,head-tail,windows to choose on validation "
        f"(head-tail costs what cut does, windows encode {windows.cost:.1f} times the tokens)"
    )
