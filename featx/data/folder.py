"""A folder with the tables of each split, as people, ``datasets`` and the Hub lay them out.

Files named for their split (``train.csv``, ``valid.jsonl``, ``test.parquet``), in several shards
(``train-00000-of-00002.parquet``), in the folder itself or in ``data/``; folders named for their split; and what
``save_to_disk`` writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from featx.data.columns import with_test_remedy
from featx.data.formats import ReadOptions, stem_of
from featx.data.raw import RawSplit, joined
from featx.data.splits import SPLIT_NAMES, split_of
from featx.data.tables import read_table
from featx.errors import DataError

_SHARD = re.compile(r"(?P<name>.+?)-(?P<number>\d{5})-of-(?P<of>\d{5})(-[0-9a-f]{16})?")
#: What `Dataset.save_to_disk` and `DatasetDict.save_to_disk` leave beside the data.
_STATE, _SPLITS = "state.json", "dataset_dict.json"


def is_saved_table(folder: Path) -> bool:
    """Return whether `folder` is one table that ``Dataset.save_to_disk`` wrote."""
    return (folder / _STATE).is_file() and not (folder / _SPLITS).exists()


def read_saved_table(folder: Path, options: ReadOptions) -> RawSplit:
    """Return the one table that ``Dataset.save_to_disk`` wrote.

    Raises
    ------
    DataError
        If its files are not as they were written.
    """
    try:
        entries = json.loads((folder / _STATE).read_bytes())["_data_files"]
        names = [entry["filename"] for entry in entries]
        if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise ValueError("names of files expected")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as e:
        raise DataError(f"{folder / _STATE}: not readable as that of a saved data set: {e}") from e
    return joined(str(folder), [read_table(folder / name, options) for name in names])


def read_folder(
    folder: Path, options: ReadOptions | None = None, wanted: Sequence[str] = tuple(SPLIT_NAMES)
) -> dict[str, RawSplit]:
    """Return the splits that the folder holds; those that are not `wanted` are not read.

    Raises
    ------
    DataError
        If there is no train split, two files claim one split, or a shard is missing.
    """
    options = options or ReadOptions()
    by_name = _files_by_name(folder)
    splits = {}
    for split, names in SPLIT_NAMES.items():
        there = [(name, files) for name, files in sorted(by_name.items()) if name.lower() in names]
        if len(there) > 1:
            first, second = (_shown(files[0], folder) for _, files in there[:2])
            raise DataError(f"{folder}: {first} and {second} are both {split}; remove one")
        if there and split in wanted:
            splits[split] = _read(there[0][0], there[0][1], folder, split, options)
    if "train" not in splits:
        found = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
        raise DataError(
            f"{folder}: no train split; expected train.csv, .tsv, .jsonl, .parquet or the like, or train_text.txt and "
            f"train_labels.txt; it holds {found}"
        )
    return splits


def _files_by_name(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each name of a split: one, its shards, or all in a folder of that name."""
    found: dict[str, list[Path]] = {}
    for place in (folder, folder / "data"):
        if not place.is_dir():
            continue
        for path in sorted(place.iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir() and split_of(path.name):
                files = [path / _STATE] if (path / _STATE).is_file() else _tables(path)
                if files:
                    found.setdefault(path.name, []).extend(files)
            elif (stem := stem_of(path)) is not None:
                shard = _SHARD.fullmatch(stem)
                found.setdefault(shard["name"] if shard else stem, []).append(path)
    return found


def _tables(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and stem_of(path) is not None]


def _read(name: str, files: list[Path], folder: Path, split: str, options: ReadOptions) -> RawSplit:
    if files[0].name == _STATE:
        return read_saved_table(files[0].parent, options)
    shards = [_SHARD.fullmatch(stem_of(path) or "") for path in files]
    in_own_folder = files[0].parent.name == name and files[0].parent != folder
    if not in_own_folder and len(files) > 1 and not all(shards):
        raise DataError(
            f"{folder}: {_shown(files[0], folder)} and {_shown(files[1], folder)} are both {split}; remove one"
        )
    if all(shards):
        numbers = sorted(int(shard["number"]) for shard in shards if shard)
        expected = {int(shard["of"]) for shard in shards if shard}
        if len(expected) > 1 or numbers != list(range(max(expected))):
            raise DataError(
                f"{folder}: {_shown(files[0], folder)} is one of {max(expected)} files of {split}, but {len(files)} "
                "are there; expected each of them once"
            )
    try:
        return joined(f"{files[0].parent}/{name}", [read_table(path, options) for path in files])
    except DataError as e:
        raise with_test_remedy(e, split) from e


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder))
