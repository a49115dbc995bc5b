"""Where labelled texts come from, how their tables are read, and how missing splits are cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from featx.errors import SettingsError
from featx.settings.base import Settings
from featx.settings.choices import Quoting, SplitName
from featx.settings.declare import Seed, setting
from featx.settings.tables import Delimiter, Encoding, Header, QuotingOf, TextColumn, check_table_settings

#: Address of the data set, and name of the checkpoint, that need no network.
DEMO = "demo"


@dataclass(frozen=True)
class DataSettings(Settings, table="data", heading="Data"):
    """Where labelled texts come from and how splits that are missing are cut.

    `split_seed` alone decides which texts a cut puts where, so that runs with different seeds are measured on
    the same test texts.
    """

    dataset: Annotated[
        str, setting("File, folder, Hub name NAME[:CONFIG], or demo.", aliases=("address",), home=True)
    ] = DEMO
    text_column: TextColumn = None
    label_column: Annotated[str | None, setting("Column with the labels.", unset="found by name")] = None
    dataset_revision: Annotated[
        str | None,
        setting("Branch, tag or commit of a data set on the Hub.", unset="the newest", aliases=("revision",)),
    ] = None
    validation_fraction: Annotated[
        float,
        setting("Share of train that is cut off where there is no validation split, or in each fold.", gt=0, lt=1),
    ] = 0.15
    test_fraction: Annotated[float, setting("Share that is cut off for test where it is cut.", gt=0, lt=1)] = 0.15
    split_seed: Annotated[Seed, setting("Random seed of the train/validation/test split.")] = 0
    test_split: Annotated[
        SplitName,
        setting("Split that serves as test: validation where test has no labels, or train to cut it from there."),
    ] = SplitName.TEST
    folds: Annotated[
        int | None,
        setting(
            "Cut the data into this many folds, so that every text is in test once, with a run for each fold.",
            unset="one train/validation/test split",
            example=10,
            unit="folds",
            ge=2,
        ),
    ] = None
    fold_test: Annotated[
        bool, setting("With folds, take in a test split that the data brings; else it is left alone.")
    ] = False
    drop_unlabelled: Annotated[
        bool, setting("Leave out rows whose label is empty, missing or -1, and say how many.")
    ] = False
    drop_empty: Annotated[bool, setting("Leave out rows whose text is empty or missing, and say how many.")] = False
    drop_rare: Annotated[bool, setting("Leave out classes with too few texts to be in every split, and say which.")] = (
        False
    )
    delimiter: Delimiter = None
    header: Header = True
    quoting: QuotingOf = Quoting.AUTO
    encoding: Encoding = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_table_settings(self)
        if self.validation_fraction + self.test_fraction >= 1:
            raise SettingsError(
                f"`validation_fraction` is {self.validation_fraction:g} and `test_fraction` {self.test_fraction:g}; "
                "expected numbers above 0 that leave something for train"
            )
