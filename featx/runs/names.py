"""Names of experiments: fit to be a folder's on any system, in any script.

Imports nothing of featx.
"""

from __future__ import annotations

import unicodedata
from hashlib import sha256

#: Characters and bytes (of UTF-8) of a name: file systems take 255 bytes, and what is written beside it needs some.
_LONGEST, _MOST_BYTES = 100, 200
_SIGNS = "._+-"
_DIGEST = 8


def is_name(text: str) -> bool:
    """Return whether `text` is 1 to 100 letters, digits and ``._+-``, the first a letter or digit.

    Letters and digits are those of any script, with their marks.

    Examples
    --------
    >>> [is_name(text) for text in ("reviews-2", "日本", "../x", "a b", "")]
    [True, True, False, False, False]
    """
    return (
        0 < len(text) <= _LONGEST
        and all(map(_fits, text))
        and unicodedata.category(text[0])[0] in "LN"
        and len(text.encode()) <= _MOST_BYTES
    )


def name_from(text: str) -> str:
    """Return a name made from `text`: `text` itself where it is one, else what fits of it and a short digest.

    So two texts have two names, whatever of them does not fit.

    Examples
    --------
    >>> name_from("日本"), name_from("a b"), name_from("a/b")
    ('日本', 'a-b-c8687a08', 'a-b-c14cddc0')
    """
    normal = unicodedata.normalize("NFC", text)
    if is_name(normal):
        return normal
    kept = "".join(character if _fits(character) else " " for character in normal)
    kept = "-".join(kept.split()).lstrip(_SIGNS)
    while kept and unicodedata.category(kept[0])[0] == "M":
        kept = kept[1:].lstrip(_SIGNS)
    kept = kept[: _LONGEST - _DIGEST - 1].encode()[: _MOST_BYTES - _DIGEST - 1].decode(errors="ignore").rstrip(_SIGNS)
    return f"{kept or 'experiment'}-{sha256(text.encode(errors='surrogatepass')).hexdigest()[:_DIGEST]}"


def _fits(character: str) -> bool:
    return character in _SIGNS or unicodedata.category(character)[0] in "LMN"
