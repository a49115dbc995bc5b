"""What every run records, however it was made; and whether a finished run may be kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from featx.data import Split, TextDataset
from featx.errors import RunError
from featx.evaluation import Predictions, measure
from featx.runs import (
    CheckpointFacts,
    DataFacts,
    Run,
    SplitFacts,
    check_is_no_link,
    identity_of,
    read_run,
    runs_in_the_way,
)
from featx.runs.folder import MODEL, PREDICTIONS, RECORD
from featx.settings import Checkpoint


def data_facts(dataset: TextDataset) -> DataFacts:
    """Return address, commit, notes, and size, digest and class counts of each split."""
    splits = {name: split_facts(split) for name, split in dataset.splits.items()}
    return DataFacts(dataset.address, dataset.revision, tuple(dataset.notes), splits, shared_rows(dataset))


def split_facts(split: Split) -> SplitFacts:
    """Return size, digest and class counts of a split."""
    return SplitFacts(len(split), split.digest, tuple(split.class_counts.tolist()))


def run_facts(dataset: TextDataset, method: str, seed: int, **facts: Any) -> dict[str, Any]:
    """Return what identifies a run: `facts` are its ``checkpoint``, ``features`` and ``settings``."""
    own = {"method": method, "seed": seed, "data": data_facts(dataset), "checkpoint": None, "features": None}
    return own | fold_facts(dataset) | facts


def fold_facts(dataset: TextDataset) -> dict[str, Any]:
    """Return which fold of what the splits of a data set are; nothing but None where it is not cut by folds."""
    folds, rows = dataset.folds, dataset.test_rows
    if folds is None or rows is None:
        return dict.fromkeys(("fold", "n_folds", "whole", "test_rows"))
    return {
        "fold": dataset.fold,
        "n_folds": len(folds),
        "whole": split_facts(folds.whole),
        "test_rows": tuple(rows.tolist()),
    }


def shared_rows(dataset: TextDataset) -> tuple[int, ...]:
    """Return the rows of test whose text stands in train as well."""
    train = set(dataset.train.texts)
    return tuple(row for row, text in enumerate(dataset.test.texts) if text in train)


def checkpoint_facts(checkpoint: Checkpoint) -> CheckpointFacts:
    """Return name, commit and digests; not the folder, which is this machine's."""
    return CheckpointFacts(checkpoint.name, checkpoint.revision, checkpoint.digest, checkpoint.tokenizer_digest)


def measured(predictions: dict[str, Predictions]) -> dict[str, Any]:
    """Return the metrics of each split."""
    return {split: measure(made) for split, made in predictions.items()}


def now() -> str:
    """Return the time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def has_run(folder: Path) -> bool:
    """Return whether a run, sound or not, stands in `folder`; a link is replaced, never followed."""
    return not folder.is_symlink() and (folder / "run.json").exists()


def differing_parts(facts: dict[str, Any], run: Run, is_drawn: bool = False) -> list[str]:
    """Return the parts of the identity that `facts` give in which `run` differs.

    Parameters
    ----------
    is_drawn : bool
        Whether the checkpoint has random weights that are not drawn yet: then what only its digest tells is left out.
    """
    wanted, there = json.loads(json.dumps([identity_of(facts), run.record.identity]))
    if is_drawn:
        for part in (wanted, there):
            part["checkpoint"] = None
            for kind in (part["features"] or {}).get("kinds", ()):
                kind.pop("spec", None)
    return [key for key, value in wanted.items() if there.get(key) != value]


def remove_replaced(runs: Sequence[Run]) -> None:
    """Remove what `overwrite` replaced and finished `runs` did not write over: see `runs_in_the_way`."""
    for run in runs:
        for folder in runs_in_the_way(run.folder, run.record.n_folds):
            check_is_no_link(folder)
            if folder != run.folder.parent:
                shutil.rmtree(folder)
                continue
            for name in (RECORD, PREDICTIONS):  # the record first: without it there is no run
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(folder / MODEL, ignore_errors=True)


def _with_folds(folder: Path) -> str:
    return "with other `folds`" if folder.name.startswith("fold-") else "without `folds`"


def finished_run(folder: Path, facts: dict[str, Any], overwrite: bool, is_drawn: bool = False) -> Run | None:
    """Return the run in `folder` if its identity is that of `facts` and it did not fail; None if it must be made.

    `is_drawn` is that of `differing_parts`.

    Raises
    ------
    RunError
        If a run with another identity stands there and may not be replaced; names the first part that differs.
    """
    in_the_way = runs_in_the_way(folder, facts["n_folds"])
    if in_the_way and not overwrite:
        raise RunError(
            f"{in_the_way[0]} holds a run of this method and seed {_with_folds(in_the_way[0])}; give another "
            "`experiment`, or `overwrite` to replace it"
        )
    if not has_run(folder):
        return None
    try:
        run = read_run(folder)
    except RunError as e:
        if overwrite:
            return None
        raise RunError(f"{e}: give `overwrite` to replace it, or another `experiment`") from e
    differing = differing_parts(facts, run, is_drawn)
    complete = run.record.failure is None and not run.has_lost_its_model
    if not differing and complete:
        return run
    if overwrite or not complete:
        return None
    raise RunError(
        f"{folder} holds a run with other {', '.join(differing)}; give another `experiment`, or `overwrite` to "
        "replace it"
    )
