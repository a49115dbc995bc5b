"""Data sets on the Hugging Face Hub, at a commit that is resolved first and recorded.

Repositories that still carry a loading script, which `datasets` no longer runs, are read from the Hub's own
conversion (branch ``refs/convert/parquet``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featx.data.columns import find_columns, with_test_remedy
from featx.data.hub_errors import quiet_hub, tried
from featx.data.raw import RawSplit
from featx.data.splits import SPLIT_NAMES
from featx.errors import DataError
from featx.settings import DataSettings

CONVERTED = "refs/convert/parquet"
_CONVERTED_FILE = re.compile(r"[^/]+/[^/]+/\d+\.parquet")
#: The first HTTP status that says that the Hub itself failed.
_SERVER_ERROR = 500
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ADDRESS = re.compile(r"(?P<name>[\w.-]+(/[\w.-]+)?)(:(?P<config>[\w.-]+))?")
#: What to do without the Hub.
_ELSE = "give a local file or folder, or try `dataset` demo"


def is_hub_address(address: str) -> bool:
    """Return whether `address` could name a data set on the Hub (``NAME`` or ``NAME:CONFIG``)."""
    return _ADDRESS.fullmatch(address) is not None


def read_hub(
    settings: DataSettings, wanted: Sequence[str] = tuple(SPLIT_NAMES)
) -> tuple[dict[str, RawSplit], tuple[str, ...] | None, str]:
    """Return splits, label names if the data set states them, and the commit they come from.

    Parameters
    ----------
    settings : DataSettings
    wanted : sequence of str
        Splits to read.

    Raises
    ------
    DataError
        If the data set, its configuration or its columns cannot be found, or the Hub cannot be reached and no copy
        is cached.
    """
    match = _ADDRESS.fullmatch(settings.dataset)
    assert match is not None
    name, config = match["name"], match["config"]
    place = _locate(name, settings.dataset_revision)
    loaded = _load_converted(name, config, place) if place.converted else _load(name, config, place.commit)
    commit = place.commit or _cached_commit(loaded)
    raw: dict[str, RawSplit] = {}
    for split, names in SPLIT_NAMES.items():
        there = next((n for n in names if n in loaded), None)
        if there is None or split not in wanted:
            continue
        try:
            raw[split] = _raw_split(loaded[there], f"{settings.dataset}, split {there}", settings)
        except DataError as e:
            raise with_test_remedy(e, split) from e
    if "train" not in raw:
        raise DataError(f"{settings.dataset}: no train split; it has {', '.join(map(repr, loaded))}")
    return raw, None, commit


def _raw_split(table: Any, source: str, settings: DataSettings) -> RawSplit:
    text, label = find_columns(table.column_names, source, settings.text_column, settings.label_column)
    names = tuple(getattr(table.features[label], "names", None) or ()) or None
    return RawSplit(source, list(table[text]), list(table[label]), label_names=names)


@dataclass(frozen=True)
class _Place:
    """Commit to read (None: whatever is cached), and whether it is of the Hub's own conversion."""

    commit: str | None
    converted: bool


def _locate(name: str, revision: str | None) -> _Place:
    """Find the commit of `revision`; of the converted branch where the repository carries a loading script."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi()
    try:
        with quiet_hub():
            info = api.dataset_info(name, revision=revision, timeout=30)
        files = {sibling.rfilename for sibling in info.siblings or ()}
        if f"{name.rpartition('/')[2]}.py" not in files:
            return _Place(info.sha, converted=_is_converted(files))
        if revision is not None:
            raise DataError(
                f"data set {name!r} at revision {revision!r} has a loading script, which is never run; leave the "
                f"revision out, or name {CONVERTED}, the Hub's own conversion"
            )
        return _Place(api.dataset_info(name, revision=CONVERTED, timeout=30).sha, converted=True)
    except DataError:
        raise
    except (HfHubHTTPError, HFValidationError) as e:
        if getattr(getattr(e, "response", None), "status_code", 0) >= _SERVER_ERROR:
            return _cached_place(name, revision, e)
        at = f" at revision {revision!r}" if revision else ""
        raise DataError(
            f"data set {name!r}{at} is neither a local file or folder nor readable on the Hub ({_first_line(e)}); "
            f"check the name, log in with `hf auth login` if it is gated, {_ELSE}"
        ) from e
    except Exception as e:  # no answer at all: which exception tells so depends on the Hub client's HTTP library
        return _cached_place(name, revision, e)


def _is_converted(files: set[str]) -> bool:
    """Return whether a revision is the Hub's own conversion: ``<config>/<split>/<number>.parquet`` and no more."""
    data = {file for file in files if not file.startswith(".") and file != "README.md"}
    return bool(data) and all(_CONVERTED_FILE.fullmatch(file) for file in data)


def _cached_place(name: str, revision: str | None, cause: Exception) -> _Place:
    """Find where a copy is cached, for work without a network."""
    from datasets import config as datasets_config
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    cached = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="dataset")
    if revision is not None and _COMMIT.fullmatch(revision):
        files = {
            str(p.relative_to(cached / "snapshots" / revision)) for p in cached.glob(f"snapshots/{revision}/**/*.*")
        }
        return _Place(revision, converted=_is_converted(files))
    ref = cached / "refs" / CONVERTED
    if ref.is_file() and revision in (None, CONVERTED):
        return _Place(ref.read_text().strip(), converted=True)
    if (Path(datasets_config.HF_DATASETS_CACHE) / name.replace("/", "___")).is_dir() and revision is None:
        return _Place(None, converted=False)
    raise DataError(
        f"data set {name!r}: the Hub cannot be reached ({_first_line(cause)}) and no copy is cached; {tried()}: "
        f"go online, {_ELSE}"
    ) from cause


def _load_converted(name: str, config: str | None, place: _Place) -> Any:
    """Load the splits of the Hub's own conversion: Parquet files at ``<config>/<split>/<number>.parquet``."""
    from huggingface_hub import snapshot_download

    pattern = f"{config}/*" if config else "*.parquet"
    wanted: Any = {"repo_type": "dataset", "allow_patterns": pattern}
    try:
        # By the branch's name, so that the cache learns where the branch stands, for work without a network.
        with _no_bars():
            folder = Path(str(snapshot_download(name, revision=CONVERTED, **wanted)))
            if folder.name != place.commit:  # the branch has moved on
                folder = Path(str(snapshot_download(name, revision=place.commit, **wanted)))
    except Exception as e:  # network, disk, permissions: all end the same way
        raise DataError(
            f"data set {name!r}: its Parquet files cannot be downloaded: {_first_line(e)} ({tried()}); try again, "
            f"{_ELSE}"
        ) from e
    configs = sorted({path.relative_to(folder).parts[0] for path in folder.glob("*/*/*.parquet")})
    if config is None and len(configs) > 1:
        raise DataError(f"data set {name!r} has several configurations; name one as NAME:CONFIG: {', '.join(configs)}")
    if not configs or (config is not None and config not in configs):
        raise DataError(f"data set {name!r} has no configuration {config!r} in Parquet; check the name after the colon")
    files = sorted((folder / (config or configs[0])).glob("*/*.parquet"))
    by_split: dict[str, list[str]] = {}
    for path in files:
        by_split.setdefault(path.parent.name, []).append(str(path))
    return _load(name, None, None, "parquet", data_files=by_split)


def _load(name: str, config: str | None, commit: str | None, builder: str | None = None, **settings: Any) -> Any:
    """Load the splits of the repository called `name`, or, with a `builder`, of its files that are here already."""
    import datasets

    try:
        with _no_bars():
            return datasets.load_dataset(builder or name, config, revision=commit, **settings)
    except Exception as e:  # files and configurations are the author's: what goes wrong is many kinds of exception
        hint = f"; try again, {_ELSE}"
        if "config" in str(e).lower():
            hint = "; name a configuration as NAME:CONFIG"
        at = f" at {commit[:12]}" if commit else ""
        raise DataError(f"data set {name!r}{at} cannot be loaded: {_first_line(e)}{hint}") from e


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep the libraries' progress bars off standard error."""
    import datasets
    from huggingface_hub import utils

    hub: Any = utils
    of_hub, of_datasets = not hub.are_progress_bars_disabled(), datasets.are_progress_bars_disabled()
    hub.disable_progress_bars()
    datasets.disable_progress_bars()
    try:
        with quiet_hub():
            yield
    finally:
        if of_hub:
            hub.enable_progress_bars()
        if not of_datasets:
            datasets.enable_progress_bars()


def _cached_commit(loaded: Any) -> str:
    """Return the commit of a data set that was read from the cache: its files lie in a folder of that name."""
    files = [entry["filename"] for split in loaded.values() for entry in split.cache_files]
    commits = {part for file in files for part in Path(file).parts if _COMMIT.fullmatch(part)}
    return commits.pop() if len(commits) == 1 else "unknown"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
