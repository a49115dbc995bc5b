"""Folds of one method and seed put together: a run with a prediction of every text by a model that did not see it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from featx.errors import RunError
from featx.evaluation import METRICS, Caveat, Predictions, measure
from featx.runs.folder import Run
from featx.runs.record import DataFacts, RunRecord, Selection, SplitFacts, Timings, TrialRecord


def put_together(runs: Sequence[Run]) -> list[Run]:
    """Return `runs` with those of folds put together, one for each method and seed; others as they are.

    A method and seed of which folds are missing or failed becomes a run that failed, and says which.

    Raises
    ------
    RunError
        If folds of one method and seed differ in their settings, or do not make up the whole.
    """
    made: list[Run] = []
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        if run.record.fold is None:
            made.append(run)
        else:
            whole = run.record.whole
            groups.setdefault((run.folder.parent, run.record.n_folds, whole and whole.digest), []).append(run)
    return made + [_together(sorted(group, key=lambda run: run.record.fold or 0)) for group in groups.values()]


def _together(runs: Sequence[Run]) -> Run:
    """Return one run out of the folds of a method and seed, in their order."""
    first = runs[0]
    _check_alike(runs)
    record = replace(
        first.record,
        fold=None,
        whole=None,
        test_rows=None,
        data=_data([run.record for run in runs]),
        model_format=None,
        model_digest=None,
        predictions_digest=None,
        history=(),
    )
    failure = _failure(runs)
    if failure is not None:
        record = replace(record, failure=failure, metrics={}, caveats=(), selection=Selection())
        return Run(first.folder.parent, record, {})
    predictions = {
        "validation": _joined([run.predictions["validation"] for run in runs]),
        "test": _joined([run.predictions["test"] for run in runs], _order(runs)),
    }
    records = [run.record for run in runs]
    record = replace(
        record,
        selection=_selection([one.selection for one in records]),
        converged=_every([one.converged for one in records]),
        under_trained=_some([one.under_trained for one in records]),
        timings=_timings([one.timings for one in records]),
        metrics={"validation": _mean_metrics(records), "test": measure(predictions["test"])},
        caveats=_caveats(records),
        peak_memory_bytes=max((one.peak_memory_bytes for one in records if one.peak_memory_bytes), default=None),
        model_bytes=_whole_mean([one.model_bytes for one in records]),
    )
    return Run(first.folder.parent, record, predictions)


def _check_alike(runs: Sequence[Run]) -> None:
    for earlier, later in itertools.pairwise(runs):
        a, b = earlier.record.identity, later.record.identity
        parts = [name for name in a if name != "data" and a[name] != b[name]]
        if parts or earlier.record.label_names != later.record.label_names:
            raise RunError(
                f"{earlier.folder} and {later.folder} are folds with other {', '.join(parts) or 'label names'}; run "
                "the method again with `overwrite`"
            )


def _failure(runs: Sequence[Run]) -> str | None:
    """Return which folds are missing or failed; None where all are there."""
    n_folds = runs[0].record.n_folds or 0
    missing = sorted(set(range(n_folds)) - {run.record.fold for run in runs})
    if missing:
        return (
            f"fold{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))} of {n_folds} missing: give the "
            "same command again, which keeps those that are there"
        )
    failed = [run.record for run in runs if run.record.failure is not None]
    return f"fold {failed[0].fold} of {n_folds}: {failed[0].failure}" if failed else None


def _order(runs: Sequence[Run]) -> list[int]:
    """Return where in the whole the test texts of the folds stand, one fold after the other."""
    rows = [row for run in runs for row in run.record.test_rows or ()]
    whole = runs[0].record.whole
    if whole is None or sorted(rows) != list(range(whole.n_texts)):
        raise RunError(
            f"the folds in {runs[0].folder.parent} do not hold every text once; run the method again with `overwrite`"
        )
    return rows


def _joined(parts: Sequence[Predictions], rows: Sequence[int] | None = None) -> Predictions:
    """Return the predictions of all parts, each at its place in `rows`; one after the other without."""
    order = slice(None) if rows is None else np.argsort(rows)
    scores = [part.y_score for part in parts if part.y_score is not None]
    return Predictions(
        np.concatenate([part.y_true for part in parts])[order],
        np.concatenate([part.y_pred for part in parts])[order],
        np.concatenate(scores)[order] if len(scores) == len(parts) else None,
        parts[0].label_names,
    )


def _data(records: Sequence[RunRecord]) -> DataFacts:
    """Return the facts of the whole: its test texts are all, its other splits as large as those of a fold."""
    data = records[0].data
    splits = {name: _mean_split([one.data.splits[name] for one in records]) for name in ("train", "validation")}
    splits["test"] = records[0].whole or data.test
    return replace(data, splits=splits, shared_test_rows=())


def _mean_split(splits: Sequence[SplitFacts]) -> SplitFacts:
    counts = np.mean([split.class_counts for split in splits], axis=0).round().astype(int)
    digest = sha256("".join(split.digest for split in splits).encode()).hexdigest()
    return SplitFacts(round(float(np.mean([split.n_texts for split in splits]))), digest, tuple(counts.tolist()))


def _selection(selections: Sequence[Selection]) -> Selection:
    """Return what most folds chose, and how many did; scores of trials are means over folds."""
    summaries = Counter(one.summary for one in selections)
    summary, count = summaries.most_common(1)[0]
    most = next(one for one in selections if one.summary == summary)
    if count < len(selections):
        summary += f" ({count} of {len(selections)} folds)"
    return replace(
        most,
        summary=summary.strip(),
        score=_mean([one.score for one in selections]),
        trials=_mean_trials([one.trials for one in selections]),
        truncated={},
        probe=None,
    )


def _mean_trials(folds: Sequence[Sequence[TrialRecord]]) -> tuple[TrialRecord, ...]:
    """Return the trials with their mean score over folds; those of the first fold where the folds tried others."""

    def tried(trials: Sequence[TrialRecord]) -> list[Any]:
        return [(one.params, one.layer, one.pooling) for one in trials]

    if any(tried(trials) != tried(folds[0]) for trials in folds):
        return tuple(folds[0])
    return tuple(
        replace(same[0], score=_mean([one.score for one in same]), scores=()) for same in zip(*folds, strict=True)
    )


def _timings(timings: Sequence[Timings]) -> Timings:
    """Return the means over folds: what one model costs."""
    names = ("extract_seconds", "fit_seconds", "predict_seconds", "predict_ms_per_text")
    return Timings(**{name: float(np.mean([getattr(one, name) for one in timings])) for name in names})


def _mean_metrics(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Return the metrics of validation that every fold has, as means over folds."""
    means = {name: _mean([one.metric("validation", name) for one in records]) for name in METRICS}
    return {name: value for name, value in means.items() if value is not None}


def _caveats(records: Sequence[RunRecord]) -> tuple[Caveat, ...]:
    """Return of each kind the first that a fold has, and which folds have one."""
    first: dict[str, Caveat] = {}
    folds: dict[str, list[int]] = {}
    for record in records:
        for caveat in record.caveats:
            first.setdefault(caveat.code, caveat)
            folds.setdefault(caveat.code, []).append(record.fold or 0)
    return tuple(
        replace(caveat, text=_of_folds(sorted(set(folds[code])), len(records)) + caveat.text)
        for code, caveat in first.items()
    )


def _of_folds(some: Sequence[int], n_folds: int) -> str:
    """Return which folds a caveat is about; nothing where it is about all."""
    if len(some) == n_folds:
        return ""
    return f"fold{'s' if len(some) > 1 else ''} {', '.join(map(str, some))} of {n_folds}: "


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None


def _whole_mean(values: Sequence[int | None]) -> int | None:
    value = _mean(values)
    return None if value is None else round(value)


def _every(flags: Sequence[bool | None]) -> bool | None:
    known = [flag for flag in flags if flag is not None]
    return all(known) if known else None


def _some(flags: Sequence[bool | None]) -> bool | None:
    known = [flag for flag in flags if flag is not None]
    return any(known) if known else None
