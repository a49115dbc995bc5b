"""Rows that are left out because it was asked for, counted and said; and splits that have no labels at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from featx.data.raw import RawSplit, is_missing
from featx.errors import DataError
from featx.settings import DataSettings

_Splits = dict[str, RawSplit]


def check_labelled(raw: Mapping[str, RawSplit], mapping: Sequence[str] | None, settings: DataSettings) -> None:
    """Check that neither test nor validation is without labels as a whole, as test splits of competitions are.

    Raises
    ------
    DataError
        If one is; says what can be done.
    """
    known = mapping is None and any(_is_minus_one(label) for label in raw["train"].labels)
    known = known and not settings.drop_unlabelled
    for split in ("validation", "test"):
        if split not in raw:
            continue
        held = raw[split]
        labels = held.labels
        unlabelled = all(map(is_missing, labels)) or (not known and all(map(_is_unlabelled, labels)))
        if not len(labels) or not unlabelled:
            continue
        what = "-1" if any(map(_is_minus_one, labels)) else "empty"
        begin = f"{held.source}: no text of the {split} split has a label (all are {what})"
        if split == "test":
            there = "set `test_split` to validation (a new validation split is then cut from train), or " * (
                "validation" in raw
            )
            raise DataError(f"{begin}; {there}set `test_split` to train to cut a test split from train")
        raise DataError(f"{begin}; remove the split to have one cut from train")


def drop_rows(raw: _Splits, mapping: Sequence[str] | None, settings: DataSettings) -> tuple[_Splits, list[str]]:
    """Return the splits without the rows that `settings` leave out, and notes that count them."""
    notes: list[str] = []
    if settings.drop_unlabelled:
        # Where empty labels mark what is unlabelled, -1 may be a class, as in sentiments of -1, 0 and 1.
        has_empty = any(is_missing(label) for held in raw.values() for label in held.labels)
        unlabelled = is_missing if mapping is None and has_empty else _is_unlabelled
        raw = _without(raw, lambda held, row: unlabelled(held.labels[row]), "rows without a label left out", notes)
    elif mapping is None:
        notes += _minus_one_notes(raw)
    if settings.drop_empty:
        raw = _without(raw, lambda held, row: is_missing(held.texts[row]), "rows without a text left out", notes)
    return raw, notes


def drop_rare(
    raw: _Splits, mapping: Sequence[str] | None, needed: int, distinct: bool = False
) -> tuple[_Splits, tuple[str, ...] | None, list[str]]:
    """Return splits, label names and notes without the classes of which train has fewer than `needed` texts.

    Parameters
    ----------
    raw : dict of RawSplit
        With names for labels.
    mapping : sequence of str or None
    needed : int
        How many texts a class must have in train.
    distinct : bool
        Whether equal texts count as one.
    """
    train = raw["train"]
    rows = set(zip(map(str, train.texts), train.labels, strict=True)) if distinct else enumerate(train.labels)
    counts = Counter(label for _, label in rows if isinstance(label, str))
    names = {label for held in raw.values() for label in held.labels if isinstance(label, str)} | set(mapping or ())
    rare = sorted(name for name in names if counts[name] < needed)
    if not rare:
        return raw, tuple(mapping) if mapping is not None else None, []
    gone = set(rare)
    before = sum(len(held.texts) for held in raw.values())
    raw = _without(raw, lambda held, row: held.labels[row] in gone, "", [])
    n_rows = before - sum(len(held.texts) for held in raw.values())
    shown = ", ".join(repr(name[:40]) for name in rare[:8]) + (", …" if len(rare) > 8 else "")
    note = f"{len(rare)} classes with fewer than {needed} texts in train left out, with {n_rows} texts: {shown}"
    kept = None if mapping is None else tuple(name for name in mapping if name not in gone)
    return raw, kept, [note]


def _without(raw: _Splits, is_out: Callable[[RawSplit, int], bool], what: str, notes: list[str]) -> _Splits:
    made = {}
    for split, held in raw.items():
        kept = [row for row in range(len(held.labels)) if not is_out(held, row)]
        n_out = len(held.labels) - len(kept)
        made[split] = held.rows(kept) if n_out else held
        if n_out and what:
            notes.append(f"{split}: {n_out} {what}")
    return made


def _minus_one_notes(raw: _Splits) -> list[str]:
    labels = [label for held in raw.values() for label in held.labels]
    n = sum(map(_is_minus_one, labels))
    if not n:
        return []
    return [f"the label -1 of {n} rows is read as a class; set `drop_unlabelled` if it marks rows without a label"]


def _is_minus_one(label: object) -> bool:
    if isinstance(label, str):
        return label.strip() in ("-1", "-1.0")
    return isinstance(label, int | float | Decimal) and not isinstance(label, bool) and label == -1


def _is_unlabelled(label: object) -> bool:
    return is_missing(label) or _is_minus_one(label)
