"""``featx predict``: texts from arguments, a file or standard input, labelled by a finished run, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from featx.data.formats import ReadOptions
from featx.data.streams import count_rows, stream_lines, stream_texts
from featx.errors import DataError
from featx.experiment.context import Context
from featx.experiment.prediction_files import check_output, prediction_file
from featx.prediction import Prediction, load_predictor

__all__ = [
    "check_output",
    "count_rows",
    "predict",
    "predict_batches",
    "predict_file",
    "read_options",
    "stream_lines",
    "stream_texts",
]

read_options = ReadOptions.of


def predict(context: Context, folder: Path, texts: Sequence[str]) -> list[Prediction]:
    """Return label and scores of each text, by the run in `folder`."""
    return [made for batch in predict_batches(context, folder, texts) for made in batch]


def predict_batches(
    context: Context, folder: Path, texts: Iterable[str], total: int | None = None
) -> Iterator[list[Prediction]]:
    """Yield labels and scores of texts as they come, a batch at a time; memory does not grow with their number.

    Parameters
    ----------
    context : Context
        Its data set does not count; its checkpoint, if it has one, is where the run's checkpoint is now.
    folder : Path
        A run.
    texts : iterable of str
        Read once.
    total : int, optional
        How many texts there are at most, for the display.

    Raises
    ------
    DataError
        If there are no texts, or one is empty.
    RunError
        If there is no such run, or it was saved without a model.
    """
    predictor = load_predictor(folder, context.workspace.cache, context.compute, context.checkpoint_name)
    done = 0
    with context.display.task("predict", total) as task:
        for batch in predictor.batches(texts):
            done += len(batch)
            task.update(done, max(done, total or 0) or None)
            yield batch
        task.update(done, done)
    if not done:
        raise DataError("no texts to label; give them as arguments, with `input`, or on standard input")


def predict_file(
    context: Context,
    folder: Path,
    texts: Iterable[str],
    output: Path,
    total: int | None = None,
    escape_formulas: bool = True,
) -> int:
    """Write labels and scores of texts to a file, which is there when all are done; return how many.

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
