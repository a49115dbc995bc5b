"""A folder with one table file a split: ``train.csv``, ``validation.jsonl``, ``test.parquet`` and the like."""

from __future__ import annotations

from pathlib import Path

from featx.data.raw import RawSplit
from featx.data.tables import READERS, read_table
from featx.errors import DataError

#: File names (without suffix) of each split.
STEMS = {"train": ("train",), "validation": ("validation", "val", "dev"), "test": ("test",)}


def read_folder(folder: Path, text_column: str | None, label_column: str | None) -> dict[str, RawSplit]:
    """Splits that the folder holds, one file each.

    Raises
    ------
    DataError
        If there is no train file or two files claim one split.
    """
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in READERS and not p.name.startswith("."))
    splits = {}
    for split, stems in STEMS.items():
        there = [path for path in files if path.stem.lower() in stems]
        if len(there) > 1:
            raise DataError(f"{folder}: {there[0].name} and {there[1].name} are both {split}; remove one")
        if there:
            splits[split] = read_table(there[0], text_column, label_column)
    if "train" not in splits:
        found = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
        raise DataError(
            f"{folder}: no train split; expected train.csv, .tsv, .jsonl or .parquet, or train_text.txt and "
            f"train_labels.txt; it holds {found}"
        )
    return splits
