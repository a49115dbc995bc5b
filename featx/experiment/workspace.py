"""Where things are kept: the cache folder, the results folder, and the name of an experiment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from featx.data.paths import is_folder
from featx.data.tables import READERS
from featx.runs import check_name
from featx.settings import WorkspaceSettings, cache_folder

__all__ = ["Workspace", "cache_folder", "name_of_address"]


@dataclass(frozen=True)
class Workspace(WorkspaceSettings):
    """Folders of a command, and what an experiment in them is called."""

    def experiment_name(self, address: str) -> str:
        """Name of the experiment on the data at `address`."""
        return check_name(self.experiment, "`experiment`") if self.experiment else name_of_address(address)


def name_of_address(address: str) -> str:
    """Short name for the data at `address`, fit to be a folder's.

    Examples
    --------
    >>> name_of_address("tyqiangz/multilingual-sentiments:english")
    'multilingual-sentiments-english'
    >>> name_of_address("data/reviews.csv")
    'reviews'
    """
    path = Path(address)
    if is_folder(path):
        base = path.resolve().name
    else:
        base = path.stem if path.suffix in READERS else address.rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", base).strip("-._+")[:100] or "experiment"
