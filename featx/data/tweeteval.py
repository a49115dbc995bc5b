r"""The TweetEval / UMSAB layout: ``<split>_text.txt``, ``<split>_labels.txt``, ``mapping.txt``.

One text a line, split at ``\n`` and at nothing else (tweets hold ``\r``, U+2028 and their like); a last line
without a newline counts. One integer label a line; the mapping has ``id<TAB>name`` lines.
"""

from __future__ import annotations

from pathlib import Path

from featx.data.raw import LABEL_LENGTH, RawSplit
from featx.data.tables import read_text
from featx.errors import DataError

#: Names of the files' first part for each split.
PREFIXES = {"train": ("train",), "validation": ("val", "validation", "dev"), "test": ("test",)}


def is_tweeteval(folder: Path) -> bool:
    """Whether `folder` is laid out in this way."""
    return any((folder / f"{name}_text.txt").exists() for names in PREFIXES.values() for name in names)


def read_tweeteval(folder: Path) -> tuple[dict[str, RawSplit], tuple[str, ...]]:
    """Splits that the folder holds, and its mapping.

    Raises
    ------
    DataError
        If a file is missing, a label is no integer, or the lines of texts and labels do not match in number.
    """
    mapping = _read_mapping(folder / "mapping.txt")
    splits = {}
    for split, names in PREFIXES.items():
        there = [name for name in names if (folder / f"{name}_text.txt").exists()]
        if len(there) > 1:
            raise DataError(f"{folder}: {there[0]}_text.txt and {there[1]}_text.txt are both {split}; remove one")
        if there:
            splits[split] = _read_split(folder, there[0])
    if "train" not in splits:
        raise DataError(f"{folder}: no train split; expected train_text.txt and train_labels.txt")
    return splits, mapping


def lines_of(path: Path) -> list[str]:
    """Lines of a file, split at newlines alone; an empty last one is not a line."""
    lines = read_text(path).split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _read_split(folder: Path, name: str) -> RawSplit:
    text_path, label_path = folder / f"{name}_text.txt", folder / f"{name}_labels.txt"
    texts, label_lines = lines_of(text_path), lines_of(label_path)
    if len(texts) != len(label_lines):
        raise DataError(
            f"{text_path} has {len(texts)} lines but {label_path.name} has {len(label_lines)}; "
            "every text needs one label on the same line"
        )
    labels: list[object] = []
    for line, label in enumerate(label_lines, 1):
        try:
            labels.append(int(label))
        except ValueError as e:
            raise DataError(f"{label_path}, line {line}: {label[:40]!r} is no integer label; correct it") from e
    return RawSplit(str(text_path), texts, labels, lambda row: f"line {row + 1}")


def _read_mapping(path: Path) -> tuple[str, ...]:
    names: dict[int, str] = {}
    for line, content in enumerate(lines_of(path), 1):
        number, tab, name = content.partition("\t")
        is_name = name.strip().isprintable() and 0 < len(name.strip()) <= LABEL_LENGTH
        # Above 18 digits it is no position, and Python converts no more than some thousand digits at all.
        if not tab or not number.strip().isdecimal() or len(number.strip()) > 18 or not is_name:
            raise DataError(f"{path}, line {line}: {content[:40]!r} is no mapping; expected id<TAB>name")
        names[int(number)] = name.strip()
    if sorted(names) != list(range(len(names))) or len(set(names.values())) != len(names):
        shown = ", ".join(map(str, sorted(names)[:20]))
        raise DataError(f"{path}: ids [{shown}] are not 0 to {len(names) - 1}, each with a name of its own")
    return tuple(names[i] for i in range(len(names)))
