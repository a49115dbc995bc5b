"""Where labelled texts come from, how their tables are read, and how missing splits are cut."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from featx.errors import SettingsError
from featx.settings.base import Settings
from featx.settings.declare import Seed, setting

#: Address of the data set, and name of the checkpoint, that need no network.
DEMO = "demo"

_DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}


class Quoting(StrEnum):
    """Whether quotation marks enclose cells of CSV and TSV files, or are part of the texts."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class SplitName(StrEnum):
    """The splits of a data set."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, kw_only=True)
class TableSettings(Settings):
    """How a file with a table of texts is read."""

    text_column: Annotated[str | None, setting("Column with the texts.", unset="found by name")] = None
    delimiter: Annotated[
        str | None,
        setting("Character between the cells of CSV and TSV files, or tab.", unset="by suffix and header", example=";"),
    ] = None
    header: Annotated[
        bool, setting("Whether CSV and TSV files begin with a line of column names; else columns are 0, 1, ….")
    ] = True
    quoting: Annotated[
        Quoting, setting("Whether quotation marks enclose cells of CSV and TSV files; off: they are part of the texts.")
    ] = Quoting.AUTO
    encoding: Annotated[
        str | None,
        setting("Encoding of text files.", unset="UTF-8, or what the byte order mark says", example="windows-1252"),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.delimiter is not None:
            object.__setattr__(self, "delimiter", _DELIMITER_NAMES.get(self.delimiter.lower(), self.delimiter))
            if len(self.delimiter) != 1 or self.delimiter in '"\r\n' or not self.delimiter.isascii():
                raise SettingsError(
                    f"`delimiter` is {self.delimiter!r:.40}; expected one character such as ; or |, or tab", "delimiter"
                )
        if self.encoding is not None and not _is_encoding(self.encoding):
            raise SettingsError(
                f"`encoding` is {self.encoding!r:.40}; expected an encoding that Python knows, such as utf-8, "
                "windows-1252, windows-1251, shift_jis or gb18030",
                "encoding",
            )


@dataclass(frozen=True)
class DataSettings(TableSettings):
    """Where labelled texts come from and how splits that are missing are cut.

    `split_seed` alone decides which texts a cut puts where, so that runs with different seeds are measured on
    the same test texts.
    """

    address: Annotated[str, setting("File, folder, Hub name NAME[:CONFIG], or demo.")] = DEMO
    label_column: Annotated[str | None, setting("Column with the labels.", unset="found by name")] = None
    revision: Annotated[str | None, setting("Branch, tag or commit of a data set on the Hub.")] = None
    validation_fraction: Annotated[
        float, setting("Share of train that is cut off where there is no validation split.", gt=0, lt=1)
    ] = 0.15
    test_fraction: Annotated[float, setting("Share that is cut off for test where it is cut.", gt=0, lt=1)] = 0.15
    split_seed: Annotated[Seed, setting("Random seed of the train/validation/test split.")] = 0
    test_split: Annotated[
        SplitName,
        setting(
            "Split that serves as test: validation, where test has no labels (validation is then cut from train), or "
            "train, to cut test from it."
        ),
    ] = SplitName.TEST
    drop_unlabelled: Annotated[
        bool, setting("Leave out rows whose label is empty, missing or -1, and say how many.")
    ] = False
    drop_empty: Annotated[bool, setting("Leave out rows whose text is empty or missing, and say how many.")] = False
    drop_rare: Annotated[bool, setting("Leave out classes with too few texts to be in every split, and say which.")] = (
        False
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.validation_fraction + self.test_fraction >= 1:
            raise SettingsError(
                f"`validation_fraction` is {self.validation_fraction:g} and `test_fraction` {self.test_fraction:g}; "
                "expected numbers above 0 that leave something for train"
            )


def _is_encoding(name: str) -> bool:
    """Return whether `name` is an encoding of text; ``rot13`` and ``base64``, which Python knows as well, are not."""
    try:
        return bool(codecs.lookup(name)._is_text_encoding)
    except (LookupError, ValueError):
        return False
