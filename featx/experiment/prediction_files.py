"""Predictions as a file, batch by batch, in every format of `featx.data.formats`, by suffix.

Columns are ``row`` (from 0, as the input counts), the input's other columns, ``text``, ``label`` and one
``score_<label>`` a class where the method has scores. Texts stand there letter for letter, but for two things in CSV
and TSV: an apostrophe goes before a text that a spreadsheet would run as a formula, unless `escape_formulas` is off,
and NUL becomes U+FFFD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from featx.data.formats import find_format, suffixes, writer_of
from featx.data.formats.table import Writer
from featx.data.streams import NewText, unique_names
from featx.errors import RunError, SettingsError
from featx.files import whole_file
from featx.prediction import Prediction

_Labelled = Sequence[tuple[NewText, Prediction]]
_Write = Callable[[_Labelled], None]


def check_output(path: Path, source: Path | None) -> None:
    """Check the name of an output before any work is done.

    Raises
    ------
    SettingsError
        If its suffix is none that is known, its folder is not there, or it is the input itself.
    """
    found = find_format(path)
    if found is None or found[0].write is None:
        known = suffixes(writable=True)
        raise SettingsError(f"`output` is {str(path)!r}; expected a name that ends in one of: {known}", "output")
    if path.is_dir():
        raise SettingsError(f"`output` {str(path)!r} is a folder; give a file", "output")
    if not path.absolute().parent.is_dir():
        raise SettingsError(f"`output` {str(path)!r}: the folder {path.parent} is not there; make it first", "output")
    if source is not None and path.resolve() == source.resolve():
        raise SettingsError(f"`output` {str(path)!r} is the input itself; give another name", "output")


@contextmanager
def prediction_file(path: Path, escape_formulas: bool = True) -> Iterator[_Write]:
    """Yield a function that takes batches of predictions; the file is there when the block has ended well.

    Parameters
    ----------
    path : Path
    escape_formulas : bool
        See `featx.settings.PredictionSettings`.

    Raises
    ------
    RunError
        If it cannot be written; an existing file is then as it was.
    """
    try:
        with (
            whole_file(path) as building,
            building.open("w+b") as file,
            writer_of(file, path, escape_formulas) as writer,
        ):
            rows = _Rows(writer)
            yield rows.add
            rows.end()
    except OSError as e:
        raise RunError(f"{path} cannot be written: {e.strerror or e}; free space, or give another `output`") from e


class _Rows:
    """Gives rows to a writer, all with the same columns: blank texts, which have no scores, may come first."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._names: list[str] = []
        self._held: list[dict[str, Any]] = []

    def add(self, labelled: _Labelled) -> None:
        """Write rows as soon as it is known which columns there are."""
        self._held += [_row(new, prediction) for new, prediction in labelled]
        if not self._names and any(prediction.label for _, prediction in labelled):
            longest: dict[str, Any] = max(self._held, key=len)
            self._names = list(longest)
        if self._names:
            self._write()

    def end(self) -> None:
        """Write what was held back because no text had a label."""
        if self._held:
            self._names = self._names or list(self._held[0])
            self._write()

    def _write(self) -> None:
        self._writer.write([{name: row.get(name) for name in self._names} for row in self._held])
        self._held.clear()


def _row(new: NewText, prediction: Prediction) -> dict[str, Any]:
    """Return a row; columns of the input that have the name of one of ours get ``input_`` before it."""
    scores = {f"score_{name}": score for name, score in (prediction.scores or {}).items()}
    own = {"text": new.text, "label": prediction.label} | scores
    taken = {"row", "text", "label"}
    names = [f"input_{name}" if name in taken or name.startswith("score_") else name for name in new.carried]
    carried = dict(zip(unique_names(names), map(_encodable, new.carried.values()), strict=True))
    return {"row": new.row} | carried | own


def _encodable(value: object) -> object:
    """Return `value` with lone surrogates in its strings as escapes, since no file holds them."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_encodable(name): _encodable(one) for name, one in value.items()}
    return [_encodable(one) for one in value] if isinstance(value, list | tuple) else value
