"""Raw labels become integers over one list of label names, and the result is checked.

A source may bring a mapping (ClassLabel, mapping.txt): then integers are positions in it and strings are its
names. Without one, the names that occur are sorted, as numbers when all of them are integers.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from featx.data.dataset import SPLITS, Split
from featx.data.raw import RawSplit, label_or_wrong, text_or_wrong
from featx.data.wrong import Faults, Wrong
from featx.errors import DataError

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_WHOLE_DECIMAL = re.compile(r"(-?[0-9]{1,18})\.0+")


def with_names(raw: Mapping[str, RawSplit], mapping: Sequence[str] | None) -> dict[str, RawSplit]:
    """Return the splits with names for labels, and `Wrong` where there is none."""
    known: dict[tuple[type, object], str | Wrong] = {}

    def name(label: object) -> str | Wrong:
        if not isinstance(label, str | int | float):
            return _name(label, mapping)
        key = (type(label), label)
        if key not in known:
            known[key] = _name(label, mapping)
        return known[key]

    return {split: replace(held, labels=list(map(name, held.labels))) for split, held in raw.items()}


def same_names(raw: Mapping[str, RawSplit], mapping: Sequence[str] | None) -> tuple[dict[str, RawSplit], list[str]]:
    """Return the splits with labels that are written in two ways as one, and notes that say so.

    ``0.0`` is ``0`` where both occur, and ``true`` is ``True``. Names that differ in case alone remain two; that is
    said.
    """
    names = {label for held in raw.values() for label in held.labels if isinstance(label, str)}
    if mapping is not None:
        return dict(raw), []
    one = {name: match[1] for name in names if (match := _WHOLE_DECIMAL.fullmatch(name))}
    one = {name: str(int(number)) for name, number in one.items()}
    if not any(number in names for number in one.values()):
        one = {}
    truths = {name for name in names if name.lower() in ("true", "false")}
    if len({name.lower() for name in truths}) < len(truths):
        one |= {name: name.capitalize() for name in truths if name != name.capitalize()}
    notes = []
    if one:
        pairs = ", ".join(f"{name!r} as {now!r}" for name, now in sorted(one.items())[:5])
        notes.append(f"labels written in two ways are read as one class: {pairs}")
    alike = defaultdict(list)
    for name in sorted(names - one.keys()):
        alike[unicodedata.normalize("NFKC", name).casefold()].append(name)
    numbers = sorted(names & {"0", "1"})
    if truths and numbers:
        mixed = " and ".join(map(repr, [*numbers, *sorted(truths - one.keys())]))
        notes.append(f"labels mix numbers and truth values: {mixed} are classes of their own")
    notes += [
        f"classes {' and '.join(_told_apart(there[:4]))} differ only in how they are written"
        for there in alike.values()
        if len(there) > 1
    ][:5]
    if not one:
        return dict(raw), notes
    changed = {
        split: replace(
            held, labels=[one.get(label, label) if isinstance(label, str) else label for label in held.labels]
        )
        for split, held in raw.items()
    }
    return changed, notes


def _told_apart(names: Sequence[str]) -> list[str]:
    """Return names for a message, with escapes where accents are composed in one and not in another."""
    is_clear = len({unicodedata.normalize("NFC", name) for name in names}) == len(names)
    return [repr(name) if is_clear else ascii(name) for name in names]


def encode(raw: Mapping[str, RawSplit], label_names: Sequence[str] | None) -> tuple[tuple[str, ...], dict[str, Split]]:
    """Return label names, and splits with integer labels, in the order train, validation, test.

    Parameters
    ----------
    raw : mapping of split name to RawSplit
        With names for labels, see `with_names`.
    label_names : sequence of str or None
        Those that the source itself states, in their order; those that occur, sorted, when None.

    Raises
    ------
    DataError
        A text or label that is none, a class that train lacks, or one class only. All rows that are wrong are counted
        and told at once.
    """
    faults = Faults()
    texts: dict[str, list[str]] = {}
    for split in (s for s in SPLITS if s in raw):
        held = raw[split]
        if not len(held.texts):
            raise DataError(f"{held.source} holds no rows; give it at least one labelled text")
        checked = [text_or_wrong(text) for text in held.texts]
        rows = [text if isinstance(text, Wrong) else label for text, label in zip(checked, held.labels, strict=True)]
        held.add_faults(faults, rows)
        texts[split] = checked  # type: ignore[assignment]
    faults.check()
    occurring = (str(label) for held in raw.values() for label in held.labels)
    names = tuple(label_names) if label_names is not None else _sorted_names(occurring)
    position = {name: at for at, name in enumerate(names)}
    splits = {
        split: Split(of_split, np.array([position[str(label)] for label in raw[split].labels], np.int64), names)
        for split, of_split in texts.items()
    }
    _check_classes(splits, raw)
    return names, splits


def _name(label: object, mapping: Sequence[str] | None) -> str | Wrong:
    name = label_or_wrong(label)
    if mapping is None or isinstance(name, Wrong):
        return name
    is_number = isinstance(label, int | float | Decimal) and not isinstance(label, bool)
    if not is_number and name in mapping:
        return name
    if _INTEGER.fullmatch(name) and 0 <= int(name) < len(mapping):
        return mapping[int(name)]
    known = ", ".join(f"{position} {known_name[:40]}" for position, known_name in enumerate(mapping[:20]))
    hint, remedy = "", "correct the label or the mapping"
    if name == "-1":
        hint, remedy = " (-1 often marks an unlabelled row)", "set `drop_unlabelled` to leave such rows out"
    return Wrong(f"label {name[:80]!r} is outside the mapping ({known}){hint}", remedy, kind="outside")


def _sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    distinct = set(names)
    if all(map(_INTEGER.fullmatch, distinct)):
        return tuple(sorted(distinct, key=int))
    return tuple(sorted(distinct))


def _check_classes(splits: Mapping[str, Split], raw: Mapping[str, RawSplit]) -> None:
    train = splits["train"]
    source = raw["train"].source
    if len(train.label_names) < 2:
        only = train.label_names[0] if train.label_names else "none"
        raise DataError(f"{source}: the only label is {only[:80]!r}; a classifier needs two classes or more")
    absent = np.flatnonzero(train.class_counts == 0)
    if not len(absent):
        return
    name = train.label_names[absent[0]]
    more = f" (and {len(absent) - 1} classes more)" if len(absent) > 1 else ""
    unlabelled = ", set `drop_unlabelled` if -1 marks rows without a label" if name == "-1" else ""
    for split, held in splits.items():
        rows = np.flatnonzero(held.labels == absent[0])
        if len(rows):
            raise DataError(
                f"{raw[split].where(int(rows[0]))}: class {name[:80]!r} is absent from train{more}, so no method could "
                f"learn it; add texts of it to train or remove it from the other splits{unlabelled}, or set `drop_rare`"
            )
    raise DataError(
        f"{source}: class {name[:80]!r} of the mapping is absent from train{more}, so no method could learn it; "
        "add texts of it or remove it from the mapping, or set `drop_rare`"
    )
