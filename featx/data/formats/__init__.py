"""The one table of file formats, for reading, streaming and writing.

Each module of this folder that has a list ``FORMATS`` adds to it: a new format is one file. May import ``errors`` and
``settings``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from featx.data.formats.opening import COMPRESSIONS, compressing
from featx.data.formats.table import Format, ReadOptions, Source, Table, Writer
from featx.errors import DataError

__all__ = [
    "FORMATS",
    "Format",
    "ReadOptions",
    "Source",
    "Table",
    "find_format",
    "is_table_name",
    "open_table",
    "stem_of",
    "suffixes",
    "writer_of",
]


def _formats() -> dict[str, Format]:
    """Return every format of this folder by its suffixes."""
    found: dict[str, Format] = {}
    for module in pkgutil.iter_modules(__path__):
        for one in getattr(importlib.import_module(f"{__name__}.{module.name}"), "FORMATS", ()):
            clash = found.keys() & set(one.suffixes)
            assert not clash, f"two formats for {clash}"
            found |= dict.fromkeys(one.suffixes, one)
    return found


#: Format of each suffix.
FORMATS = _formats()


def _split_name(path: Path) -> tuple[str, str, str | None]:
    """Return stem, suffix and suffix of the compression of a file's name."""
    name, compression = path.name, None
    if path.suffix.lower() in COMPRESSIONS:
        name, compression = path.stem, path.suffix.lower()
    inner = Path(name)
    return inner.stem, inner.suffix.lower(), compression


def find_format(path: Path) -> tuple[Format, str | None] | None:
    """Return the format that the name of a file tells, and its compression; None if it tells none that is known.

    Examples
    --------
    >>> find_format(Path("reviews.csv.gz"))[0].name
    'CSV'
    """
    _, suffix, compression = _split_name(path)
    found = FORMATS.get(suffix)
    if found is None or (compression and not found.compressible):
        return None
    return found, compression


def is_table_name(path: Path) -> bool:
    """Return whether the name of a file tells a table that may have labels."""
    found = find_format(path)
    return found is not None and found[0].labelled


def stem_of(path: Path) -> str | None:
    """Return the name of a table file without its suffixes; None if it is none."""
    return _split_name(path)[0] if is_table_name(path) else None


def suffixes(*, writable: bool = False, labelled: bool = False) -> str:
    """Return the suffixes that are known, for messages."""
    known = [
        suffix
        for suffix, one in FORMATS.items()
        if (one.write is not None or not writable) and (one.labelled or not labelled)
    ]
    return f"{', '.join(sorted(known))}; those of text also with {', '.join(COMPRESSIONS)}"


def open_table(path: Path, options: ReadOptions | None = None, *, labelled: bool = False) -> Table:
    """Return the table that a file holds; its rows are read as they are asked for.

    Parameters
    ----------
    path : Path
    options : ReadOptions, optional
    labelled : bool
        Whether only formats count that can hold labels.

    Raises
    ------
    DataError
        If the suffix is unknown, or the file is not what its suffix says.
    """
    found = find_format(path)
    if found is None or (labelled and not found[0].labelled):
        suffix = "".join(path.suffixes[-2:])[-40:]
        raise DataError(f"{path}: suffix {suffix!r} is unknown; expected one of: {suffixes(labelled=labelled)}")
    kind, compression = found
    return kind.read(Source(path, compression), options or ReadOptions())


@contextmanager
def writer_of(file: BinaryIO, path: Path, escape_formulas: bool = True) -> Iterator[Writer]:
    """Yield what writes rows into `file` in the format that the name `path` tells, compressed where it tells that."""
    found = find_format(path)
    assert found is not None, path
    kind, compression = found
    assert kind.write is not None, path
    with compressing(file, compression, path.stem) as inner:
        writer = kind.write(inner, escape_formulas)
        try:
            yield writer
        except BaseException:
            with suppress(Exception):  # the file is thrown away; this ends what a library has open
                writer.close()
            raise
        writer.close()
