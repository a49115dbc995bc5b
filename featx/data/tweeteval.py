r"""The TweetEval / UMSAB layout: ``<split>_text.txt``, ``<split>_labels.txt``, ``mapping.txt``.

One text a line (tweets hold ``\r``, U+2028 and their like); one integer label a line; the mapping has
``id<TAB>name`` lines, and stands in the folder or, for several tasks with one mapping, in the folder above.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from featx.data.raw import RawSplit, is_name
from featx.data.splits import SPLIT_NAMES
from featx.data.tables import lines_of
from featx.data.wrong import Wrong
from featx.errors import DataError

_MAPPING = "mapping.txt"


def is_tweeteval(folder: Path) -> bool:
    """Return whether `folder` is laid out in this way."""
    return any((folder / f"{name}_text.txt").exists() for names in SPLIT_NAMES.values() for name in names)


def read_tweeteval(
    folder: Path, encoding: str | None = None, wanted: Sequence[str] = tuple(SPLIT_NAMES)
) -> tuple[dict[str, RawSplit], tuple[str, ...]]:
    """Return the splits that the folder holds, and its mapping; splits that are not `wanted` are not read.

    Raises
    ------
    DataError
        If a file is missing, or the lines of texts and labels do not match in number.
    """
    above = folder.resolve().parent / _MAPPING
    mapping = _read_mapping(above if above.is_file() and not (folder / _MAPPING).exists() else folder / _MAPPING)
    splits = {}
    for split, names in SPLIT_NAMES.items():
        there = [name for name in names if (folder / f"{name}_text.txt").exists()]
        if len(there) > 1:
            raise DataError(f"{folder}: {there[0]}_text.txt and {there[1]}_text.txt are both {split}; remove one")
        if there and split in wanted:
            splits[split] = _read_split(folder, there[0], split, encoding)
    if "train" not in splits:
        raise DataError(f"{folder}: no train split; expected train_text.txt and train_labels.txt")
    return splits, mapping


def _read_split(folder: Path, name: str, split: str, encoding: str | None) -> RawSplit:
    text_path, label_path = folder / f"{name}_text.txt", folder / f"{name}_labels.txt"
    texts = lines_of(text_path, encoding)
    if split == "test" and not label_path.exists():
        raise DataError(
            f"{label_path}: cannot be read: No such file; if test has no labels, set `test_split` to validation or "
            "train to take the test texts from there"
        )
    label_lines = lines_of(label_path)
    if len(texts) != len(label_lines):
        raise DataError(
            f"{text_path} has {len(texts)} lines but {label_path.name} has {len(label_lines)}; "
            "every text needs one label on the same line"
        )
    labels = [_label(label, label_path) for label in label_lines]
    return RawSplit(str(text_path), texts, labels, lambda row: f"line {row + 1}")


def _label(label: str, path: Path) -> object:
    if not label.strip():
        return None
    try:
        return int(label)
    except ValueError:
        return Wrong(f"{label[:40]!r} is no integer label", "correct it", kind="integer", source=str(path))


def _read_mapping(path: Path) -> tuple[str, ...]:
    names: dict[int, str] = {}
    lines = lines_of(path)
    while lines and not lines[-1].strip():
        lines.pop()
    for line, content in enumerate(lines, 1):
        number, tab, rest = content.partition("\t")
        name = rest.strip("\t").partition("\t")[0].strip()  # further columns describe the class
        # Above 18 digits it is no position, and Python converts no more than some thousand digits at all.
        if not tab or not number.strip().isdecimal() or len(number.strip()) > 18 or not is_name(name):
            raise DataError(f"{path}, line {line}: {content[:40]!r} is no mapping; expected id<TAB>name")
        names[int(number)] = name
    if sorted(names) != list(range(len(names))) or len(set(names.values())) != len(names):
        shown = ", ".join(map(str, sorted(names)[:20]))
        raise DataError(f"{path}: ids [{shown}] are not 0 to {len(names) - 1}, each with a name of its own")
    return tuple(names[i] for i in range(len(names)))
