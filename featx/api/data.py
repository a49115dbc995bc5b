"""`load_dataset`, and what the other functions take for a data set."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from featx import data
from featx.api.arguments import changed
from featx.data import TextDataset
from featx.settings import DEMO, DataSettings


@dataclass(frozen=True, repr=False)
class Dataset(TextDataset):
    """A `TextDataset` that remembers how it was loaded, so that it can be handed to every method.

    Attributes
    ----------
    settings : DataSettings
    """

    settings: DataSettings = field(default_factory=DataSettings)


def load_dataset(address: str | Path = DEMO, **settings: Any) -> Dataset:
    """Read, check and complete a data set.

    Parameters
    ----------
    address : str or Path
        A file, a folder, ``NAME[:CONFIG]`` on the Hub, or ``demo``.
    **settings
        Fields of `DataSettings`: ``text_column``, ``label_column``, ``revision``, ``split_seed``,
        ``validation_fraction``, ``test_fraction``.

    Returns
    -------
    Dataset
        With splits train, validation and test.

    Raises
    ------
    DataError
        For input that breaks a rule; names file, row and remedy.

    Examples
    --------
    >>> load_dataset("demo")
    TextDataset('demo': train 600, validation 120, test 180; negative, neutral, positive)
    """
    wanted = changed(DataSettings(str(address)), settings, "load_dataset")
    loaded = data.load_dataset(wanted)
    return Dataset(**{f.name: getattr(loaded, f.name) for f in fields(TextDataset)}, settings=wanted)


def settings_of(dataset: str | Path | Dataset | DataSettings) -> DataSettings:
    """Settings that load `dataset`."""
    if isinstance(dataset, Dataset):
        return dataset.settings
    return dataset if isinstance(dataset, DataSettings) else DataSettings(str(dataset))
