"""Data sets on the Hugging Face Hub, at a commit that is resolved first and recorded.

Repositories that still carry a loading script, which `datasets` no longer runs, are read from the Hub's own
conversion (branch ``refs/convert/parquet``).
"""

from __future__ import annotations

import re
from typing import Any

from featx.config import DataSettings
from featx.data.columns import find_columns
from featx.data.raw import RawSplit
from featx.errors import DataError

CONVERTED = "refs/convert/parquet"
_ADDRESS = re.compile(r"(?P<name>[\w.-]+(/[\w.-]+)?)(:(?P<config>[\w.-]+))?")
#: Names under which a Hub data set may hold each split.
_SPLIT_NAMES = {"train": ("train",), "validation": ("validation", "val", "dev", "valid"), "test": ("test",)}


def is_hub_address(address: str) -> bool:
    """Whether `address` could name a data set on the Hub (``NAME`` or ``NAME:CONFIG``)."""
    return _ADDRESS.fullmatch(address) is not None


def read_hub(settings: DataSettings) -> tuple[dict[str, RawSplit], tuple[str, ...] | None, str]:
    """Splits, label names if the data set states them, and the commit they come from.

    Raises
    ------
    DataError
        If the data set, its configuration or its columns cannot be found, or the Hub cannot be reached.
    """
    match = _ADDRESS.fullmatch(settings.address)
    assert match is not None
    name, config = match["name"], match["config"]
    commit = _resolve(name, settings.revision)
    loaded = _load(name, config, commit)
    raw: dict[str, RawSplit] = {}
    mapping: tuple[str, ...] | None = None
    for split, names in _SPLIT_NAMES.items():
        there = next((n for n in names if n in loaded), None)
        if there is None:
            continue
        table = loaded[there]
        source = f"{settings.address}, split {there}"
        text, label = find_columns(table.column_names, source, settings.text_column, settings.label_column)
        raw[split] = RawSplit(source, list(table[text]), list(table[label]))
        mapping = tuple(getattr(table.features[label], "names", None) or ()) or mapping
    if "train" not in raw:
        raise DataError(f"{settings.address}: no train split; it has {', '.join(map(repr, loaded))}")
    return raw, mapping, commit


def _resolve(name: str, revision: str | None) -> str:
    """Commit that `revision` (or the right default branch) stands at."""
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    api = HfApi()
    try:
        info = api.dataset_info(name, revision=revision, timeout=30)
        files = {sibling.rfilename for sibling in info.siblings or ()}
        if revision is None and f"{name.rpartition('/')[2]}.py" in files:
            info = api.dataset_info(name, revision=CONVERTED, timeout=30)
    except HfHubHTTPError as e:
        raise DataError(_not_found(name, revision, e)) from e
    except (OfflineModeIsEnabled, httpx.HTTPError, OSError) as e:
        commit = _cached_commit(name, revision)
        if commit is None:
            raise DataError(
                f"data set {name!r}: the Hub cannot be reached ({_first_line(e)}) and no copy is cached; "
                "go online, give a local file or folder, or try --dataset demo"
            ) from e
        return commit
    assert info.sha is not None
    return info.sha


def _not_found(name: str, revision: str | None, error: Exception) -> str:
    at = f" at revision {revision!r}" if revision else ""
    return (
        f"data set {name!r}{at} is neither a local file or folder nor readable on the Hub ({_first_line(error)}); "
        "check the name, log in with `hf auth login` if it is gated, or give a path"
    )


def _cached_commit(name: str, revision: str | None) -> str | None:
    """Commit of a copy in the Hub's local cache, for work without a network."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    if revision is not None and re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    from pathlib import Path

    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="dataset") / "refs"
    for branch in [revision] if revision else [CONVERTED, "main"]:
        ref = folder / branch
        if ref.is_file():
            return ref.read_text().strip()
    return None


def _load(name: str, config: str | None, commit: str) -> Any:
    import datasets

    # Files and configurations are the caller's; what goes wrong in there is many kinds of exception.
    bars = datasets.utils.logging.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(name, config, revision=commit)
    except Exception as e:
        hint = "; name a configuration as NAME:CONFIG" if "config" in str(e).lower() else ""
        raise DataError(f"data set {name!r} at {commit[:12]} cannot be loaded: {_first_line(e)}{hint}") from e
    finally:
        if bars:
            datasets.enable_progress_bars()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
