"""Predictions as a file, batch by batch, in every format of `featx.data.formats`, by suffix.

Columns are ``row`` (from 0), ``text``, ``label`` and one ``score_<label>`` a class where the method has scores. Texts
stand there letter for letter, but for two things in CSV and TSV: an apostrophe goes before a text that a spreadsheet
would run as a formula, unless `escape_formulas` is off, and NUL becomes U+FFFD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from featx.data.formats import find_format, suffixes, writer_of
from featx.errors import RunError, SettingsError
from featx.files import whole_file
from featx.prediction import Prediction

_Write = Callable[[Sequence[Prediction]], None]


def check_output(path: Path, source: Path | None) -> None:
    """Check the name of an output before any work is done.

    Raises
    ------
    SettingsError
        If its suffix is none that is known, or it is the input itself.
    """
    found = find_format(path)
    if found is None or found[0].write is None:
        known = suffixes(writable=True)
        raise SettingsError(f"`output` is {str(path)!r}; expected a name that ends in one of: {known}", "output")
    if path.is_dir():
        raise SettingsError(f"`output` {str(path)!r} is a folder; give a file", "output")
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
            building.open("wb") as file,
            writer_of(file, path, escape_formulas) as writer,
        ):
            numbers = count()

            def write(predictions: Sequence[Prediction]) -> None:
                writer.write([_row(next(numbers), prediction) for prediction in predictions])

            yield write
    except OSError as e:
        raise RunError(f"{path} cannot be written: {e.strerror or e}; free space, or give another `output`") from e


def _row(number: int, prediction: Prediction) -> dict[str, Any]:
    scores = prediction.scores or {}
    return {"row": number, "text": prediction.text, "label": prediction.label} | {
        f"score_{name}": score for name, score in scores.items()
    }
