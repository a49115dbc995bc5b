"""Where things are kept: the cache folder, the results folder, and the name of an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from featx.data.formats import stem_of
from featx.data.hub import is_hub_address
from featx.data.paths import is_folder
from featx.runs import check_name
from featx.runs.names import name_from
from featx.settings import WorkspaceSettings, cache_folder

__all__ = ["Workspace", "cache_folder", "name_of_address"]


@dataclass(frozen=True)
class Workspace(WorkspaceSettings):
    """Folders of a command, and what an experiment in them is called."""

    def experiment_name(self, address: str) -> str:
        """Return the name of the experiment on the data at `address`."""
        return check_name(self.experiment, "`experiment`") if self.experiment else name_of_address(address)


def name_of_address(address: str) -> str:
    """Return a short name for the data at `address`, fit to be a folder's.

    Characters that fit no folder's name give way to a short digest, so that two addresses do not share a name by them.

    Examples
    --------
    >>> name_of_address("tyqiangz/multilingual-sentiments:english")
    'multilingual-sentiments-english'
    >>> name_of_address("data/reviews.csv")
    'reviews'
    >>> name_of_address("レビュー.csv")
    'レビュー'
    """
    path = Path(address)
    if is_folder(path):
        return name_from(path.resolve().name)
    if stem := stem_of(path):
        return name_from(stem)
    base = address.rpartition("/")[2]
    return name_from(base.replace(":", "-", 1) if is_hub_address(address) else base) if base else "experiment"
