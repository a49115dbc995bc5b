"""``featx predict``: texts from arguments, a file or standard input, labelled by a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from featx.config import ComputeSettings
from featx.data.tweeteval import lines_of
from featx.errors import DataError
from featx.experiment.places import Places
from featx.predict import Prediction, load_predictor


def predict(
    folder: Path,
    texts: Sequence[str],
    compute: ComputeSettings | None = None,
    places: Places | None = None,
    checkpoint: str | None = None,
) -> list[Prediction]:
    """Label and scores of each text, by the run in `folder`."""
    if not texts:
        raise DataError("no texts to label; give them as arguments, with --input, or on standard input")
    return load_predictor(folder, (places or Places()).cache, compute, checkpoint)(texts)


def read_lines(path: Path | None, stream: BinaryIO) -> list[str]:
    """Texts, one a line, of a file or else of `stream`; empty lines are passed over.

    Raises
    ------
    DataError
        If the file cannot be read or the bytes are not UTF-8; names the line.
    """
    if path is not None:
        return [line for line in lines_of(path) if line.strip()]
    data = stream.read()
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise DataError(f"standard input, line {line}: byte 0x{data[e.start]:02x} is not UTF-8; convert it") from e
    return [line for line in lines if line.strip()]
