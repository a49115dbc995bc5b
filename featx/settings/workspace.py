"""Where things are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from featx.settings.base import Settings
from featx.settings.cache import CachePlace, cache_folder
from featx.settings.declare import setting

#: Where runs are written unless the user says otherwise.
DEFAULT_RESULTS = "results"


@dataclass(frozen=True)
class WorkspaceSettings(Settings, table="workspace", heading="Results and cache"):
    """Where runs and features are kept, and whether runs may be replaced."""

    results: Annotated[Path, setting("Folder for results.")] = Path(DEFAULT_RESULTS)
    experiment: Annotated[
        str | None,
        setting("Name of the folder in it.", unset="from the name of the data set", example="reviews"),
    ] = None
    cache_dir: Annotated[
        CachePlace | None,
        setting(
            "Cache folder, or a place in an object store such as s3://bucket/prefix.",
            unset="the user's cache folder",
            example="s3://bucket/prefix",
        ),
    ] = None
    overwrite: Annotated[bool, setting("Replace a run that was made with other settings.")] = False
    texts: Annotated[
        bool, setting("Keep the test texts beside the runs for the report, which shows row numbers otherwise.")
    ] = True

    @property
    def cache(self) -> CachePlace:
        """Return the cache folder or place in an object store."""
        return cache_folder(self.cache_dir)
