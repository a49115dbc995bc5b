"""Run folders: ``run.json``, ``predictions.parquet`` and ``model/``, built beside their final name and renamed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import RunError, SettingsError
from featx.evaluation import Predictions
from featx.files import whole_folder
from featx.runs.consistency import check_predictions, with_scores
from featx.runs.measuring import file_sha256, folder_bytes, folder_digest
from featx.runs.names import is_name
from featx.runs.reading import record_from_text
from featx.runs.record import RunRecord

#: A record larger than this is none of ours; those of long searches over many layers have a few megabytes.
_MOST_BYTES = 64 << 20
RECORD, PREDICTIONS, MODEL = "run.json", "predictions.parquet", "model"


@dataclass(frozen=True)
class Run:
    """A run on disk: its folder, its record, and its predictions by split."""

    folder: Path
    record: RunRecord
    predictions: Mapping[str, Predictions]

    @property
    def experiment(self) -> Path:
        """Folder of the experiment that the run belongs to."""
        return self.folder.resolve().parents[1 if self.record.fold is None else 2]

    @property
    def has_lost_its_model(self) -> bool:
        """Whether the model that the record speaks of is gone, or in part; its content is not read."""
        if self.record.model_format is None:
            return False
        model, size = self.folder / MODEL, self.record.model_bytes
        return model.is_symlink() or not model.is_dir() or (size is not None and folder_bytes(model) != size)

    def check_model(self) -> None:
        """Check that the model is there, to the bit as it was saved.

        Raises
        ------
        RunError
            If it is not.
        """
        digest = self.record.model_digest
        if (self.folder / MODEL).is_symlink():
            raise RunError(
                f"{self.folder / MODEL} is a link, and featx follows none out of a run; put the folder itself there"
            )
        if self.has_lost_its_model or (digest is not None and folder_digest(self.folder / MODEL) != digest):
            raise RunError(
                f"the model in {self.folder / MODEL} is missing or not as it was saved; run the method again with "
                "`overwrite`, or bring the folder back from a copy"
            )


def check_name(name: str, option: str) -> str:
    """Return `name`, if it is fit to be a folder's.

    Raises
    ------
    SettingsError
        If it holds anything but letters, digits and ``._+-``, starts with a sign, or is over 100 characters
        or 200 bytes.
    """
    if not is_name(name):
        raise SettingsError(
            f"{option} is {name[:60]!r}; expected 1 to 100 letters, digits and ._+- that start with a letter or digit"
        )
    return name


def run_folder(results: Path, experiment: str, method: str, seed: int, fold: int | None = None) -> Path:
    """Return where a run lies: ``results/<experiment>/<method>/seed-<n>``, and in it ``fold-<k>`` for one of folds."""
    folder = results / check_name(experiment, "`experiment`") / check_name(method, "method") / f"seed-{seed}"
    return folder if fold is None else folder / f"fold-{fold}"


def runs_in_the_way(folder: Path, n_folds: int | None) -> list[Path]:
    """Return the runs of the same method and seed as the run in `folder` that do not belong beside it.

    A run without folds stands in ``seed-<n>`` itself, and those of folds below it. Where one kind is made, runs of the
    other are in the way, and so are folds beyond `n_folds`.
    """
    if n_folds is None:
        return [path for path in sorted(folder.glob("fold-*")) if (path / RECORD).exists()]
    seed = folder.parent
    wanted = {f"fold-{k}" for k in range(n_folds)}
    beyond = [path for path in sorted(seed.glob("fold-*")) if path.name not in wanted and (path / RECORD).exists()]
    return ([seed] if (seed / RECORD).exists() else []) + beyond


def check_is_no_link(folder: Path) -> None:
    """Check that `folder`, a place that featx chose itself, does not lead out of the results.

    Raises
    ------
    RunError
        If it is a symbolic link.
    """
    if folder.is_symlink():
        raise RunError(f"{folder} is a link, and featx writes through none; remove it, or choose other `results`")


def write_run(
    folder: Path,
    record: RunRecord,
    predictions: Mapping[str, Predictions],
    save_model: Callable[[Path], None] | None = None,
) -> None:
    """Write a run; `folder` is replaced as a whole, or left as it was.

    Parameters
    ----------
    folder : Path
    record : RunRecord
    predictions : mapping of split name to Predictions
        Empty for a method that failed.
    save_model : callable, optional
        Writes the model into the folder that it is given.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    try:
        with whole_folder(folder) as building:
            if save_model is not None:
                (building / MODEL).mkdir()
                save_model(building / MODEL)
                record = replace(
                    record, model_bytes=folder_bytes(building / MODEL), model_digest=folder_digest(building / MODEL)
                )
            if predictions:
                _write_predictions(building / PREDICTIONS, predictions)
                record = replace(record, predictions_digest=file_sha256(building / PREDICTIONS))
            (building / RECORD).write_text(json.dumps(record.to_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as e:
        raise RunError(
            f"the run cannot be written to {folder}: {e.strerror or e}; free space or change `results`"
        ) from e


def _write_predictions(path: Path, predictions: Mapping[str, Predictions]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list[Any]] = {"split": [], "row": [], "y_true": [], "y_pred": []}
    first = next(iter(predictions.values()))
    scores: list[list[np.ndarray]] = [[] for _ in first.label_names] if first.y_score is not None else []
    for split, made in predictions.items():
        columns["split"] += [split] * len(made)
        columns["row"] += range(len(made))
        columns["y_true"] += made.y_true.tolist()
        columns["y_pred"] += made.y_pred.tolist()
        for class_scores, column in zip(scores, () if made.y_score is None else made.y_score.T, strict=True):
            class_scores.append(column)
    table = {name: pa.array(values) for name, values in columns.items()}
    for name, parts in zip(first.label_names, scores, strict=bool(scores)):
        table[f"score_{name}"] = pa.array(np.concatenate(parts))
    pq.write_table(pa.table(table), path)


def read_run(folder: Path) -> Run:
    """Return the run in `folder`, checked against its predictions.

    Raises
    ------
    RunError
        If it is missing or broken.
    """
    path = folder / RECORD
    try:
        if path.exists() and not path.is_file():
            raise OSError("not a regular file")
        if path.stat().st_size > _MOST_BYTES:
            raise OSError(f"it is larger than {_MOST_BYTES >> 20} MiB")
        text = path.read_text("utf-8")
    except OSError as e:
        raise RunError(
            f"{folder} is no run: {RECORD} cannot be read ({e.strerror or e}); give a folder seed-<n>"
        ) from e
    except UnicodeDecodeError as e:
        raise RunError(f"{path} is broken ({e}); run the method again") from e
    record = record_from_text(text, str(path))
    if record.failure is not None:
        return Run(folder, record, {})
    predictions = _read_predictions(folder / PREDICTIONS, record)
    return Run(folder, with_scores(record, predictions), predictions)


def _read_predictions(path: Path, record: RunRecord) -> dict[str, Predictions]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if not path.is_file():
            raise OSError("no such file")
        with pq.ParquetFile(path) as file:
            stated = sum(record.data.splits[name].n_texts for name in ("validation", "test"))
            if file.metadata.num_rows != stated:  # before memory is taken for them
                raise ValueError(f"{file.metadata.num_rows} predictions, but run.json states {stated} texts")
            table = file.read()
        splits = np.asarray(table["split"].to_pylist())
        rows, y_true, y_pred = (_whole_numbers(table, name) for name in ("row", "y_true", "y_pred"))
        label_names = record.label_names
        names, y_score = [f"score_{name}" for name in label_names], None
        scores = [name for name in table.column_names if name.startswith("score_")]
        if scores and scores != names:
            raise ValueError("its score columns are not those of the label names in run.json")
        if scores:
            y_score = np.column_stack([_probabilities(table, name) for name in names])
        made = {}
        for split in dict.fromkeys(splits.tolist()):
            at = splits == split
            if not np.array_equal(rows[at], np.arange(at.sum())):
                raise ValueError(f"the rows of {split} are not 0, 1, 2, … in this order")
            made[split] = Predictions(y_true[at], y_pred[at], None if y_score is None else y_score[at], label_names)
        check_predictions(record, made)
        if record.predictions_digest is not None and file_sha256(path) != record.predictions_digest:
            raise ValueError("it was changed since the run was written: run.json states another `predictions_digest`")
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, OverflowError) as e:
        first_line = (str(e).splitlines() or [type(e).__name__])[0]
        raise RunError(f"{path} is broken ({first_line}); run the method again") from e
    return made


def _whole_numbers(table: Any, name: str) -> NDArray[np.int64]:
    import pyarrow.types

    column = table[name]
    if not pyarrow.types.is_integer(column.type) or column.null_count:
        raise ValueError(f"{name} must hold whole numbers")
    return np.asarray(column.to_numpy(), np.int64)


def _probabilities(table: Any, name: str) -> NDArray[np.float64]:
    import pyarrow.types

    column = table[name]
    if not pyarrow.types.is_floating(column.type) or column.null_count:
        raise ValueError(f"{name} must hold numbers from 0 to 1, but is of type {column.type}")
    return np.asarray(column.to_numpy(), np.float64)


def find_runs(folder: Path) -> list[Path]:
    """Return the folders of the runs at or below `folder` (an experiment, a method or one run), sorted.

    Raises
    ------
    RunError
        If there is none.
    """
    if (folder / RECORD).is_file():
        return [folder]
    found = [
        path.parent
        for path in sorted(folder.glob(f"**/{RECORD}"))  # which goes through no links
        if not path.is_symlink() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise RunError(
            f"{folder} holds no runs; make some with featx baseline and featx finetune, or give another folder"
        )
    return found
