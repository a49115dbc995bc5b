"""Data that is in memory already: lists, frames, Arrow tables and data sets of the package `datasets`.

Nothing of those packages is imported: a frame is what has named columns that give values. What comes out is a
`RawSplit`, as from a file, so that the same rules hold and the same content has the same digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from featx.data.columns import find_columns, find_text_column
from featx.data.dataset import Split, TextDataset
from featx.data.raw import RawSplit
from featx.data.splits import split_of
from featx.errors import DataError
from featx.settings import DataSettings

#: How data in memory is called in messages.
SOURCE = "data in memory"
_EXPECTED = (
    "expected an address, (texts, labels), columns by name, a pandas or polars frame, a datasets.Dataset, or a mapping "
    "of split names to one of these"
)
_EXPECTED_TEXTS = "expected a text, a sequence of texts, one split, or a frame or mapping with a text column"
#: Types that mark a missing value in frames.
_MISSING = ("NAType", "NaTType")


def is_in_memory(data: Any) -> bool:
    """Return whether `data` is content and no address."""
    return not isinstance(data, str | Path | DataSettings)


def read_in_memory(data: Any, settings: DataSettings) -> tuple[dict[str, RawSplit], tuple[str, ...] | None, bool]:
    """Return the splits of `data`, label names if it states them, and whether it is one table, still to be cut.

    Parameters
    ----------
    data : pair, mapping, frame, Arrow table, datasets.Dataset or datasets.DatasetDict
    settings : DataSettings
        Of which the names of the columns count.

    Raises
    ------
    DataError
        If it is none of these, lacks a column, or texts and labels differ in number.
    """
    named = {name: split for name in data if (split := split_of(str(name)))} if isinstance(data, Mapping) else {}
    if "train" not in named.values():
        raw, names = _read_table(data, SOURCE, settings)
        return {"train": raw}, names, True
    if len(set(named.values())) < len(named):
        raise DataError(f"{SOURCE}: {', '.join(map(repr, named))} name a split twice; remove one")
    read = {split: _read_table(data[name], f"{SOURCE}, {name}", settings) for name, split in named.items()}
    stated = [names for _, names in read.values() if names is not None]
    return {split: raw for split, (raw, _) in read.items()}, stated[0] if stated else None, False


def texts_of(data: Any, text_column: str | None = None) -> list[str]:
    """Return the texts to label that `data` holds: itself, its items, the texts of a split, or its text column.

    Parameters
    ----------
    data : str, sequence of str, Split, mapping of columns, frame, Arrow table or datasets.Dataset
    text_column : str, optional
        Found by the known names when None, or when there is no such column.

    Raises
    ------
    DataError
        If it is none of these, has several splits, lacks the column, or an item is no text.
    """
    if isinstance(data, str):
        return [data]
    if isinstance(data, Split):
        return list(data.texts)
    kind = type(data).__name__
    splits = data.splits if isinstance(data, TextDataset) else data if isinstance(data, Mapping) else {}
    parts = [name for name, one in splits.items() if split_of(str(name)) and not _is_plain_column(one)]
    if parts:
        raise DataError(f"texts of a {kind} with the splits {', '.join(map(repr, parts))}; give one of them")
    columns = None if isinstance(data, bytes) else _column_names(data)
    if columns is not None:
        named = text_column if text_column in columns else None
        data = data[columns[find_text_column(list(columns), f"texts of a {kind}", named)]]
        if _column_names(data) is not None:  # of a frame, where two have the name
            raise DataError(f"texts of a {kind}: its text column stands twice; rename one")
    if isinstance(data, str | bytes) or not hasattr(data, "__iter__"):
        raise DataError(f"texts of type {type(data).__name__}; {_EXPECTED_TEXTS}")
    texts = _values(data)
    for position, text in enumerate(texts, 1):
        if text is not None and not isinstance(text, str) and not (isinstance(text, float) and text != text):
            raise DataError(f"text {position} is of type {type(text).__name__}; {_EXPECTED_TEXTS}")
    return list(texts)  # type: ignore[arg-type]  # those that are missing are told where they are labelled


def _is_plain_column(value: Any) -> bool:
    """Return whether `value` is a column of a table rather than a table."""
    return not isinstance(value, Split) and _column_names(value) is None and not isinstance(value, tuple)


def _read_table(data: Any, source: str, settings: DataSettings) -> tuple[RawSplit, tuple[str, ...] | None]:
    """Return texts and labels of one table, and the label names that it states."""
    columns = _column_names(data)
    if columns is None:
        texts, labels = _pair(data, source)
        return _raw(texts, labels, source), None
    text, label = find_columns(list(columns), source, settings.text_column, settings.label_column)
    stated = getattr(getattr(data, "features", {}).get(label), "names", None) if hasattr(data, "features") else None
    return _raw(data[columns[text]], data[columns[label]], source), tuple(stated) if stated else None


def _column_names(data: Any) -> dict[str, Any] | None:
    """Return the columns of a table, each under its name as a string; None if `data` has no named columns."""
    if isinstance(data, Mapping):
        names: Iterable[Any] = data
    elif hasattr(data, "column_names"):  # Arrow tables and data sets
        names = data.column_names
    elif hasattr(data, "columns") and hasattr(data, "__getitem__"):  # frames
        names = data.columns
    else:
        return None
    return {str(name): name for name in names}


def _pair(data: Any, source: str) -> tuple[Any, Any]:
    if isinstance(data, tuple | list) and len(data) == 2 and all(map(_is_column, data)):
        return data[0], data[1]
    kind = type(data).__name__
    if isinstance(data, list | tuple) and data and all(isinstance(one, str) for one in data):
        raise DataError(f"{source}: a {kind} of {len(data)} texts without labels; {_EXPECTED}")
    raise DataError(f"{source}: a data set cannot be read from a value of type {kind}; {_EXPECTED}")


def _is_column(value: Any) -> bool:
    return not isinstance(value, str | bytes | Mapping) and hasattr(value, "__len__") and hasattr(value, "__iter__")


def _raw(texts: Any, labels: Any, source: str) -> RawSplit:
    split = RawSplit(source, _values(texts), _values(labels))
    if len(split.texts) != len(split.labels):
        raise DataError(
            f"{source}: {len(split.texts)} texts but {len(split.labels)} labels; every text needs one label"
        )
    return split


def _values(column: Any) -> Sequence[object]:
    """Return the values of a column as a file's reader would: Python's own types, None where one is missing."""
    for name in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, name):
            column = getattr(column, name)()
            break
    return [None if type(one).__name__ in _MISSING else one.item() if isinstance(one, np.generic) else one
            for one in column]  # fmt: skip
