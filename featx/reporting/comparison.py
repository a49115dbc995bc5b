"""`compare`: runs on the same test texts become rows, one a method, best first."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from featx.errors import RunError, SettingsError
from featx.evaluation import CONFUSION_METRICS
from featx.reporting.judging import Pair, Pairing, pairs_of, rows_of
from featx.reporting.rows import Row
from featx.runs import Run
from featx.settings import ReportSettings

#: Test texts of a class below which percentile intervals of macro averages are known to be too narrow.
_ENOUGH = 10
#: For runs that do not say what was amiss.
_ADVICE = "raise --num-train-epochs or --learning-rate"


@dataclass(frozen=True)
class Failed:
    """A method without a result, and why."""

    method: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """Methods compared on one test split.

    Attributes
    ----------
    rows : tuple of Row
        Best test score first.
    pairs : tuple of Pair
        Every pair of rows, the better test score first.
    failed : tuple of Failed
    reference : str or None
        The method that the others are compared with; None when it has no run.
    metric : str
    margin : float
        Difference of the metric that would not matter.
    confidence : float
    label_names : tuple of str
    data : dict
        Address, notes and splits, as the runs recorded them.
    checkpoints : tuple of str
    missing : tuple of str
        What a reader should know is not there.
    """

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    failed: tuple[Failed, ...]
    reference: str | None
    metric: str
    margin: float
    confidence: float
    label_names: tuple[str, ...]
    data: dict[str, Any]
    checkpoints: tuple[str, ...]
    missing: tuple[str, ...]

    def row(self, method: str) -> Row | None:
        """Row of `method`, if it has one."""
        return next((row for row in self.rows if row.method == method), None)


def compare(runs: Sequence[Run], settings: ReportSettings | None = None) -> Comparison:
    """Compare methods by their runs.

    Raises
    ------
    RunError
        If there are no runs, or runs are on different test texts; names two that differ.
    SettingsError
        If the metric is unknown.
    """
    settings = settings or ReportSettings()
    check_metric(settings.metric)
    if not runs:
        raise RunError("no runs to compare; make some with featx baseline and featx finetune")
    _check_same_test(runs)
    done = [run for run in runs if run.record.failure is None]
    groups = _grouped(done)
    failed = [
        Failed(method, str(made[0].record.failure))
        for method, made in _grouped([run for run in runs if run.record.failure is not None]).items()
    ]
    if not groups:
        raise RunError(f"every method failed, the first, {failed[0].method}: {failed[0].reason}")
    reference = _find_reference(groups, settings)
    pairing = Pairing(groups, settings)
    rows = rows_of(groups, pairing, reference, settings)
    first = runs[0].record
    return Comparison(
        rows=tuple(rows),
        pairs=tuple(pairs_of(rows, pairing)),
        failed=tuple(failed),
        reference=reference,
        metric=settings.metric,
        margin=settings.margin,
        confidence=settings.confidence,
        label_names=tuple(first.label_names),
        data=first.data,
        checkpoints=tuple(
            dict.fromkeys(r.record.checkpoint["name"] for r in runs if r.record.checkpoint and not r.record.control)
        ),
        missing=tuple(_missing(groups, failed, reference, settings)),
    )


def _grouped(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs by method, seeds in order; with the checkpoint in the name where one method is there on several.

    Raises
    ------
    RunError
        If runs of one method and checkpoint differ in more than the seed, or one seed is there twice.
    """
    apart: dict[tuple[str, str], list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.record.seed):
        checkpoint = run.record.checkpoint
        made = apart.setdefault((run.record.method, "" if checkpoint is None else str(checkpoint["name"])), [])
        # One experiment a checkpoint: methods that use none are in each of them.
        if checkpoint is not None or all(other.record.identity != run.record.identity for other in made):
            made.append(run)
    methods = [method for method, _ in apart]
    groups = {
        f"{method} @ {checkpoint}" if methods.count(method) > 1 else method: made
        for (method, checkpoint), made in apart.items()
    }
    _check_seeds(groups)
    return groups


def _find_reference(groups: Mapping[str, Sequence[Run]], settings: ReportSettings) -> str | None:
    """The group that is the reference; of one method on several checkpoints the best on validation."""
    if settings.reference in groups:
        return settings.reference
    of_method = [name for name in groups if name.startswith(f"{settings.reference} @ ")]

    def validation(name: str) -> float:
        return float(np.mean([run.record.metrics["validation"][settings.metric] for run in groups[name]]))

    return max(of_method, key=validation, default=None)


def check_metric(metric: str) -> None:
    """Check the name of a metric, before any work is done for it.

    Raises
    ------
    SettingsError
        If it is none that runs are compared by; lists those.
    """
    if metric not in CONFUSION_METRICS:
        raise SettingsError(f"--metric is {metric!r}; expected one of: {', '.join(CONFUSION_METRICS)}")


def _check_same_test(runs: Sequence[Run]) -> None:
    first = runs[0]
    for run in runs[1:]:
        if run.record.split_digest != first.record.split_digest:
            raise RunError(
                f"{first.folder} and {run.folder} have different test texts, so they cannot be compared; report them "
                "apart, or run them again on the same data with the same --split-seed"
            )


def _check_seeds(groups: Mapping[str, list[Run]]) -> None:
    for method, runs in groups.items():
        for earlier, later in itertools.pairwise(runs):
            parts = _differing(earlier, later)
            if parts:
                raise RunError(
                    f"{earlier.folder} and {later.folder} are both {method}, but with other {', '.join(parts)}; they "
                    "are no seeds of one method: report them apart"
                )
            seed = later.record.seed
            if earlier.record.seed == seed:
                raise RunError(
                    f"{earlier.folder} and {later.folder} are both {method} with seed {seed}; report them apart"
                )


def _differing(a: Run, b: Run) -> list[str]:
    """Parts of the runs' identities, the seed left out, in which they differ."""
    of_a, of_b = a.record.identity, b.record.identity
    return [key for key in of_a if key != "seed" and of_a[key] != of_b[key]]


def _missing(
    groups: Mapping[str, list[Run]], failed: Sequence[Failed], reference: str | None, settings: ReportSettings
) -> list[str]:
    missing = [f"{row.method} failed: {row.reason}" for row in failed]
    first = next(iter(groups.values()))[0].record
    if reference is None:
        missing.append(
            f"no run of the reference method {settings.reference!r}, so no differences; choose another with --reference"
        )
    single = [method for method, runs in groups.items() if len(runs) == 1 and method.startswith("finetune")]
    if single:
        missing.append(
            f"{', '.join(single)}: one seed only; fine-tuning varies with the seed, so more (--seeds 0,1,2) would tell "
            "how much of a difference is luck"
        )
    for what, seen in _not_shared(groups).items():
        missing.append(f"methods differ in their {what}: {', '.join(seen)}; their scores or costs are not of one kind")
    n_test = first.data["splits"]["test"]["n_texts"]
    if len(set(first.data.get("shared_test_rows", ()))) >= n_test:
        missing.append("every test text stands in train as well: no score here says anything of new texts")
    counts = first.data["splits"]["test"].get("class_counts") or [_ENOUGH]
    if min(counts) < _ENOUGH:
        missing.append(
            f"the rarest class has {min(counts)} test texts; with so few, intervals of macro averages are too narrow"
        )
    stuck = [method for method, runs in groups.items() if any(run.record.converged is False for run in runs)]
    if stuck:
        missing.append(f"{', '.join(stuck)}: the optimiser stopped at its limit before it converged")
    for method, runs in groups.items():
        advice = [str(run.record.selection.get("advice") or _ADVICE) for run in runs if run.record.under_trained]
        if advice:
            missing.append(f"{method}: under-trained, {advice[0]}")
    return missing


def _not_shared(groups: Mapping[str, list[Run]]) -> dict[str, list[str]]:
    """What all methods should share and do not, with the values that occur."""
    records = [runs[0].record for runs in groups.values() if not runs[0].record.control]
    values = {
        "train texts": [r.data["splits"]["train"]["digest"][:12] for r in records],
        "validation texts": [r.data["splits"]["validation"]["digest"][:12] for r in records],
        "checkpoint": [str(r.checkpoint["name"]) for r in records if r.checkpoint],
        "device": [str(r.environment.get("device")) for r in records if r.checkpoint],
    }
    return {what: list(dict.fromkeys(seen)) for what, seen in values.items() if len(set(seen)) > 1}
