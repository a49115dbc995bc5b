"""``featx predict``: texts from arguments, a file or standard input, labelled by a finished run, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from featx.data.formats import ReadOptions
from featx.data.streams import count_rows, stream_lines, stream_texts
from featx.errors import DataError
from featx.experiment.prediction_files import check_output, prediction_file
from featx.experiment.progress import Display, Silent
from featx.experiment.workspace import Workspace
from featx.prediction import Prediction, load_predictor
from featx.settings import ComputeSettings

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


def predict(
    folder: Path,
    texts: Sequence[str],
    compute: ComputeSettings | None = None,
    workspace: Workspace | None = None,
    checkpoint: str | None = None,
) -> list[Prediction]:
    """Label and scores of each text, by the run in `folder`."""
    return [made for batch in predict_batches(folder, texts, compute, workspace, checkpoint) for made in batch]


def predict_batches(
    folder: Path,
    texts: Iterable[str],
    compute: ComputeSettings | None = None,
    workspace: Workspace | None = None,
    checkpoint: str | None = None,
    display: Display | None = None,
    total: int | None = None,
) -> Iterator[list[Prediction]]:
    """Labels and scores of texts as they come, a batch at a time; memory does not grow with their number.

    Parameters
    ----------
    folder : Path
        A run.
    texts : iterable of str
        Read once.
    compute : ComputeSettings, optional
    workspace : Workspace, optional
    checkpoint : str, optional
        Where the run's checkpoint is now, when it has moved.
    display : Display, optional
    total : int, optional
        How many texts there are at most, for the display.

    Raises
    ------
    DataError
        If there are no texts, or one is empty.
    RunError
        If there is no such run, or it was saved without a model.
    """
    predictor = load_predictor(folder, (workspace or Workspace()).cache, compute, checkpoint)
    done = 0
    with (display or Silent()).task("predict", total) as task:
        for batch in predictor.batches(texts):
            done += len(batch)
            task.update(done, max(done, total or 0) or None)
            yield batch
        task.update(done, done)
    if not done:
        raise DataError("no texts to label; give them as arguments, with --input, or on standard input")


def predict_file(
    folder: Path,
    texts: Iterable[str],
    output: Path,
    compute: ComputeSettings | None = None,
    workspace: Workspace | None = None,
    checkpoint: str | None = None,
    display: Display | None = None,
    total: int | None = None,
    escape_formulas: bool = True,
) -> int:
    """Write labels and scores of texts to a file, which is there when all are done; returns how many.

    Raises
    ------
    RunError
        If the file cannot be written.
    FeatxError
        As `predict_batches`.
    """
    n_texts = 0
    with prediction_file(output, escape_formulas) as write:
        for batch in predict_batches(folder, texts, compute, workspace, checkpoint, display, total):
            write(batch)
            n_texts += len(batch)
    return n_texts
