"""Fonts for what a figure says: of those that are installed, the ones that have the signs which the first one lacks."""

from __future__ import annotations

import functools
from collections.abc import Iterable

#: matplotlib brings it along, so it is always there.
FIRST = "DejaVu Sans"
#: Has a sign for everything: a box.
_NO_HELP = "Last Resort"
#: Fonts looked through before a sign is given up.
_MOST_FONTS = 1_000


def families_for(texts: Iterable[str]) -> list[str]:
    """Return the font families that have all signs of `texts`, as far as any installed font has them."""
    lacking = {ord(sign) for text in texts for sign in text if not sign.isspace()} - _signs_of(_path_of(FIRST))
    families = [FIRST]
    for name, path in _installed() if lacking else ():
        found = lacking & _signs_of(path)
        if found:
            families.append(name)
            lacking -= found
        if not lacking:
            break
    return families


def _installed() -> list[tuple[str, str]]:
    """Return name and file of the upright fonts of normal weight, those made for many scripts first."""
    from matplotlib.font_manager import fontManager

    fonts = {
        font.name: font.fname
        for font in fontManager.ttflist
        if font.style == "normal" and font.weight in (400, "normal", "regular") and not font.name.startswith(_NO_HELP)
    }
    return sorted(fonts.items(), key=lambda font: (not font[0].startswith("Noto Sans"), font))[:_MOST_FONTS]


def _path_of(name: str) -> str:
    from matplotlib.font_manager import FontProperties, fontManager

    return str(fontManager.findfont(FontProperties(family=[name])))


@functools.lru_cache(maxsize=2 * _MOST_FONTS)
def _signs_of(path: str) -> frozenset[int]:
    """Return the code points that a font file has; none for one that cannot be read."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):  # the file is gone or damaged
        return frozenset()
