"""How new texts are read and their predictions written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from featx.settings.base import Settings
from featx.settings.choices import OnBlank, Quoting
from featx.settings.declare import setting
from featx.settings.tables import Delimiter, Encoding, Header, QuotingOf, TextColumn, check_table_settings


@dataclass(frozen=True)
class PredictionSettings(Settings, table="prediction", heading="Files"):
    """How the file of new texts is read, and how the file of their labels is written."""

    text_column: TextColumn = None
    delimiter: Delimiter = None
    header: Header = True
    quoting: QuotingOf = Quoting.AUTO
    encoding: Encoding = None
    on_blank: Annotated[
        OnBlank, setting("Rows without a text: error (before any work), skip, or empty (kept, with an empty label).")
    ] = OnBlank.ERROR
    escape_formulas: Annotated[
        bool,
        setting(
            "Put an apostrophe before texts in CSV and TSV files that a spreadsheet would run as a formula "
            "(=, +, -, @ or a tab first); numbers stay as they are."
        ),
    ] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_table_settings(self)
