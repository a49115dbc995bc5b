"""``featx predict``: texts from arguments, a file or standard input, labelled by a finished run, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from featx.data.formats import ReadOptions
from featx.data.in_memory import texts_of
from featx.data.streams import NewText, check_blank, count_rows, stream_lines, stream_rows
from featx.errors import DataError
from featx.experiment.context import Context
from featx.experiment.prediction_files import check_output, prediction_file
from featx.prediction import BATCH_TEXTS, Prediction, load_predictor

__all__ = [
    "NewText",
    "check_blank",
    "check_output",
    "count_rows",
    "predict",
    "predict_batches",
    "predict_file",
    "read_options",
    "stream_lines",
    "stream_rows",
    "texts_of",
]

read_options = ReadOptions.of


def predict(context: Context, folder: Path, texts: Sequence[str]) -> list[Prediction]:
    """Return label and scores of each text, by the run in `folder`."""
    return [made for batch in predict_batches(context, folder, texts) for _, made in batch]


def predict_batches(
    context: Context, folder: Path, texts: Iterable[str | NewText], total: int | None = None
) -> Iterator[list[tuple[NewText, Prediction]]]:
    """Yield texts with their labels and scores as they come, a batch at a time; memory does not grow with their number.

    Parameters
    ----------
    context : Context
        Its data set does not count; its checkpoint, if it has one, is where the run's checkpoint is now.
    folder : Path
        A run.
    texts : iterable of str or NewText
        Read once. An empty `NewText` gets an empty label.
    total : int, optional
        How many texts there are at most, for the display.

    Raises
    ------
    DataError
        If there are no texts, or a str is empty.
    RunError
        If there is no such run, or it was saved without a model.
    """
    predictor = load_predictor(folder, context.workspace.cache, context.compute, context.checkpoint_name)
    done = 0
    rows = (NewText(row, text) if isinstance(text, str) else text for row, text in enumerate(checked(texts)))
    with context.display.task("predict", total) as task:
        while batch := list(islice(rows, BATCH_TEXTS)):
            made = iter(predictor([row.text for row in batch if row.text]))
            yield [(row, next(made) if row.text else Prediction("", "", None)) for row in batch]
            done += len(batch)
            task.update(done, max(done, total or 0) or None)
        task.update(done, done)
    if not done:
        raise DataError("no texts to label; give them as arguments, with `input`, or on standard input")


def checked(texts: Iterable[str | NewText]) -> Iterator[str | NewText]:
    """Yield `texts`; a str must hold more than blanks.

    Raises
    ------
    DataError
        At the first that does not.
    """
    for position, text in enumerate(texts, 1):
        if not isinstance(text, NewText) and (not isinstance(text, str) or not text.strip()):
            raise DataError(f"text {position} is empty; leave it out or give it words")
        yield text


def predict_file(
    context: Context,
    folder: Path,
    texts: Iterable[str | NewText],
    output: Path,
    total: int | None = None,
    escape_formulas: bool = True,
) -> int:
    """Write texts with their labels and scores to a file, which is there when all are done; return how many.

    Raises
    ------
    RunError
        If the file cannot be written.
    FeatxError
        As `predict_batches`.
    """
    n_texts = 0
    with prediction_file(output, escape_formulas) as write:
        for batch in predict_batches(context, folder, texts, total):
            write(batch)
            n_texts += len(batch)
    return n_texts
