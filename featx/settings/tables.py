"""How a file with a table of texts is read: settings that data sets and predictions share, declared once."""

from __future__ import annotations

import codecs
from typing import Annotated, Protocol

from featx.errors import SettingsError
from featx.settings.choices import Quoting
from featx.settings.declare import setting

TextColumn = Annotated[str | None, setting("Column with the texts.", unset="found by name")]
Delimiter = Annotated[
    str | None,
    setting("Character between the cells of CSV and TSV files, or tab.", unset="by suffix and header", example=";"),
]
Header = Annotated[
    bool, setting("Whether CSV, TSV and Excel files begin with a row of column names; else columns are 0, 1, ….")
]
QuotingOf = Annotated[
    Quoting, setting("Whether quotation marks enclose cells of CSV and TSV files; off: they are part of the texts.")
]
Encoding = Annotated[
    str | None,
    setting("Encoding of text files.", unset="UTF-8, or what the byte order mark says", example="windows-1252"),
]

_DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}


class TableSettings(Protocol):
    """What settings have that say how a table is read."""

    @property
    def text_column(self) -> str | None: ...  # noqa: D102
    @property
    def delimiter(self) -> str | None: ...  # noqa: D102
    @property
    def header(self) -> bool: ...  # noqa: D102
    @property
    def quoting(self) -> Quoting: ...  # noqa: D102
    @property
    def encoding(self) -> str | None: ...  # noqa: D102


def check_table_settings(settings: TableSettings) -> None:
    r"""Check delimiter and encoding, and write a delimiter that is named (``tab``, ``\t``) as the character.

    Raises
    ------
    SettingsError
        If one is none.
    """
    if settings.delimiter is not None:
        delimiter = _DELIMITER_NAMES.get(settings.delimiter.lower(), settings.delimiter)
        if len(delimiter) != 1 or delimiter in '"\r\n' or not delimiter.isascii():
            raise SettingsError(
                f"`delimiter` is {delimiter!r:.40}; expected one character such as ; or |, or tab", "delimiter"
            )
        object.__setattr__(settings, "delimiter", delimiter)
    if settings.encoding is not None and not _is_encoding(settings.encoding):
        raise SettingsError(
            f"`encoding` is {settings.encoding!r:.40}; expected an encoding that Python knows, such as utf-8, "
            "windows-1252, windows-1251, shift_jis or gb18030",
            "encoding",
        )


def _is_encoding(name: str) -> bool:
    """Return whether `name` is an encoding of text; ``rot13`` and ``base64``, which Python knows as well, are not."""
    try:
        return bool(codecs.lookup(name)._is_text_encoding)
    except (LookupError, ValueError):
        return False
