"""How new texts are read and their predictions written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from featx.settings.data import TableSettings
from featx.settings.declare import setting


@dataclass(frozen=True, kw_only=True)
class PredictionSettings(TableSettings):
    """How the file of new texts is read, and how the file of their labels is written."""

    escape_formulas: Annotated[
        bool,
        setting(
            "Put an apostrophe before cells of CSV and TSV files that a spreadsheet would run as a formula "
            "(=, +, -, @ or a tab first); numbers stay as they are."
        ),
    ] = True
