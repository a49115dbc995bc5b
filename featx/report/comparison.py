"""`compare`: runs on the same test texts become rows, one a method, best first."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.config import ReportSettings
from featx.errors import RunError, SettingsError
from featx.evaluation import Interval, Predictions, confusion_matrix, metric_interval, paired_difference
from featx.evaluation.confusion import CONFUSION_METRICS
from featx.runs import Run


@dataclass(frozen=True)
class Row:
    """One method, over all of its seeds.

    Attributes
    ----------
    method : str
    features : str
        Layer and pooling; what is read where there is none.
    settings : str
        The chosen parameters, or the Trainer's.
    seeds : tuple of int
    n_train, trials : int
        Texts of train; settings that were tried on validation, per seed.
    validation : float
    test : Interval
        Mean over seeds, interval over test texts.
    accuracy, ece : float or None
        On test, mean over seeds.
    difference : Interval or None
        To the reference, paired; None for the reference itself or without one.
    converged : bool or None
    extract_seconds, fit_seconds, predict_ms : float
        Mean over seeds; milliseconds from a text to its label.
    confusion : ndarray of shape (n_classes, n_classes), int64
        On test, summed over seeds.
    """

    method: str
    features: str
    settings: str
    seeds: tuple[int, ...]
    n_train: int
    trials: int
    validation: float
    test: Interval
    accuracy: float
    ece: float | None
    difference: Interval | None
    converged: bool | None
    extract_seconds: float
    fit_seconds: float
    predict_ms: float
    confusion: NDArray[np.int64]

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` than the reference where the interval leaves out 0, else ``undecided``."""
        if self.difference is None:
            return ""
        if not self.difference.excludes_zero:
            return "undecided"
        return "better" if self.difference.value > 0 else "worse"


@dataclass(frozen=True)
class Comparison:
    """Methods compared on one test split.

    Attributes
    ----------
    rows : tuple of Row
        Best test score first.
    reference : str or None
        The method that the others are compared with; None when it has no run.
    metric : str
    confidence : float
    label_names : tuple of str
    data : dict
        Address, notes and splits, as the runs recorded them.
    checkpoints : tuple of str
    missing : tuple of str
        What a reader should know is not there.
    """

    rows: tuple[Row, ...]
    reference: str | None
    metric: str
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
    by_method: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.record.seed):
        by_method.setdefault(run.record.method, []).append(run)
    _check_seeds(by_method)
    reference = by_method.get(settings.reference)
    rows = [_row(method, made, reference, settings) for method, made in by_method.items()]
    rows.sort(key=lambda row: (-row.test.value, row.method))
    first = runs[0].record
    return Comparison(
        rows=tuple(rows),
        reference=settings.reference if reference else None,
        metric=settings.metric,
        confidence=settings.confidence,
        label_names=tuple(first.label_names),
        data=first.data,
        checkpoints=tuple(dict.fromkeys(r.record.checkpoint["name"] for r in runs if r.record.checkpoint)),
        missing=tuple(_missing(by_method, settings)),
    )


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


def _check_seeds(by_method: dict[str, list[Run]]) -> None:
    for method, runs in by_method.items():
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


def _row(method: str, runs: list[Run], reference: list[Run] | None, settings: ReportSettings) -> Row:
    records = [run.record for run in runs]
    made = _test(runs)
    difference = None
    if reference is not None and reference is not runs:
        difference = paired_difference(made, _test(reference), settings.metric, settings)
    eces = [record.metrics["test"]["ece"] for record in records]
    return Row(
        method=method,
        features=_features(records[0].features),
        settings=_settings(records),
        seeds=tuple(record.seed for record in records),
        n_train=records[0].data["splits"]["train"]["n_texts"],
        trials=len(records[0].selection.get("trials", ())) or 1,
        validation=_mean([record.metrics["validation"][settings.metric] for record in records]),
        test=metric_interval(made, settings.metric, settings),
        accuracy=_mean([record.metrics["test"]["accuracy"] for record in records]),
        ece=None if None in eces else _mean(eces),
        difference=difference,
        converged=_all_converged([record.converged for record in records]),
        extract_seconds=_mean([record.timings.extract_seconds for record in records]),
        fit_seconds=_mean([record.timings.fit_seconds for record in records]),
        predict_ms=_mean([record.timings.predict_ms_per_text for record in records]),
        confusion=np.sum([confusion_matrix(predictions) for predictions in made], axis=0),
    )


def _test(runs: list[Run]) -> list[Predictions]:
    return [run.predictions["test"] for run in runs]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _all_converged(flags: Sequence[bool | None]) -> bool | None:
    known = [flag for flag in flags if flag is not None]
    return all(known) if known else None


def _features(features: dict[str, Any] | None) -> str:
    return "text" if features is None else f"layer {features['layer']} {features['pooling']}"


def _settings(records: Sequence[Any]) -> str:
    """The chosen settings in a few words; seeds that chose otherwise are told apart."""
    return " / ".join(dict.fromkeys(str(record.selection.get("summary", "")) for record in records))


def _missing(by_method: dict[str, list[Run]], settings: ReportSettings) -> list[str]:
    missing = []
    if settings.reference not in by_method:
        missing.append(
            f"no run of the reference method {settings.reference!r}, so no differences; choose another with --reference"
        )
    single = [method for method, runs in by_method.items() if len(runs) == 1 and method.startswith("finetune")]
    if single:
        missing.append(
            f"{', '.join(single)}: one seed only; fine-tuning varies with the seed, so more (--seeds 0,1,2) would tell "
            "how much of a difference is luck"
        )
    for what, seen in _not_shared(by_method).items():
        missing.append(f"methods differ in their {what}: {', '.join(seen)}; their scores or costs are not of one kind")
    stuck = [
        method for method, runs in by_method.items() if _all_converged([r.record.converged for r in runs]) is False
    ]
    if stuck:
        missing.append(f"{', '.join(stuck)}: the optimiser stopped at its limit before it converged")
    return missing


def _not_shared(by_method: dict[str, list[Run]]) -> dict[str, list[str]]:
    """What all methods should share and do not, with the values that occur."""
    records = [runs[0].record for runs in by_method.values()]
    values = {
        "train texts": [r.data["splits"]["train"]["digest"][:12] for r in records],
        "validation texts": [r.data["splits"]["validation"]["digest"][:12] for r in records],
        "checkpoint": [str(r.checkpoint["name"]) for r in records if r.checkpoint],
        "device": [str(r.environment.get("device")) for r in records if r.checkpoint],
    }
    return {what: list(dict.fromkeys(seen)) for what, seen in values.items() if len(set(seen)) > 1}
