"""What every run records, however it was made; and whether a finished run may be kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from featx.data import TextDataset
from featx.errors import RunError
from featx.evaluation import Predictions, measure
from featx.runs import CheckpointFacts, DataFacts, Run, SplitFacts, identity_of, read_run
from featx.settings import Checkpoint


def data_facts(dataset: TextDataset) -> DataFacts:
    """Return address, commit, notes, and size, digest and class counts of each split."""
    splits = {
        name: SplitFacts(len(split), split.digest, tuple(split.class_counts.tolist()))
        for name, split in dataset.splits.items()
    }
    return DataFacts(dataset.address, dataset.revision, tuple(dataset.notes), splits, shared_rows(dataset))


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


def finished_run(folder: Path, facts: dict[str, Any], overwrite: bool) -> Run | None:
    """Return the run in `folder` if its identity is that of `facts` and it did not fail; None if it must be made.

    Raises
    ------
    RunError
        If a run with another identity stands there and may not be replaced; names the first part that differs.
    """
    if folder.is_symlink() or not (folder / "run.json").exists():  # a link is replaced, never followed
        return None
    try:
        run = read_run(folder)
    except RunError as e:
        if overwrite:
            return None
        raise RunError(f"{e}: give `overwrite` to replace it, or another `experiment`") from e
    wanted, there = json.loads(json.dumps(identity_of(facts))), run.record.identity
    differing = [key for key, value in wanted.items() if there.get(key) != value]
    complete = run.record.failure is None and not run.has_lost_its_model
    if not differing and complete:
        return run
    if overwrite or not complete:
        return None
    raise RunError(
        f"{folder} holds a run with other {', '.join(differing)}; give another `experiment`, or `overwrite` to "
        "replace it"
    )
