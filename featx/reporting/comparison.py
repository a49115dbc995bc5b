"""`compare`: runs on the same test texts become rows, one a method, best first."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from featx.errors import RunError, SettingsError
from featx.evaluation import CONFUSION_METRICS, Caveat, Looks, caveat_lines, check_same_texts
from featx.reporting.caveats import Failed, caveats_of, contradictions
from featx.reporting.headline import Headline, headline_of, with_verdict
from featx.reporting.judging import Pair, Pairing, least_folds, pairs_of, rows_of
from featx.reporting.naming import row_name
from featx.reporting.rows import Row
from featx.runs import DataFacts, Run, put_together
from featx.settings import CaveatCode, ReportSettings


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
    data : DataFacts
    checkpoints : tuple of str
    caveats : tuple of Caveat
        What a reader must know beside the numbers; those that the settings silence are left out.
    silenced : tuple of CaveatCode
        Codes of caveats that apply and are left out.
    headline : Headline or None
        The one comparison that the answer is about; None without a fine-tuned and a classical row.
    n_folds : int or None
        Of how many folds the predictions were put together; None where they are of one test split.
    """

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    failed: tuple[Failed, ...]
    reference: str | None
    metric: str
    margin: float
    confidence: float
    label_names: tuple[str, ...]
    data: DataFacts
    checkpoints: tuple[str, ...]
    caveats: tuple[Caveat, ...] = ()
    silenced: tuple[CaveatCode, ...] = ()
    headline: Headline | None = None
    n_folds: int | None = None

    def row(self, method: str) -> Row | None:
        """Return the row of `method`, if it has one."""
        return next((row for row in self.rows if row.method == method), None)

    def has(self, *codes: CaveatCode, method: str = "") -> bool:
        """Return whether a caveat of one of `codes` applies to `method`, or to the comparison as a whole."""
        return any(caveat.code in codes and caveat.method == method for caveat in self.caveats)

    @property
    def notes(self) -> list[str]:
        """The caveats as lines, those on the data first."""
        silenced = f"left out on demand: {', '.join(self.silenced)}"
        return caveat_lines(self.caveats) + ([silenced] if self.silenced else [])


def compare(runs: Sequence[Run], settings: ReportSettings | None = None, looks: Looks | None = None) -> Comparison:
    """Compare methods by their runs; those of folds are put together first, see `put_together`.

    Parameters
    ----------
    runs : sequence of Run
    settings : ReportSettings, optional
    looks : Looks, optional
        Where test was looked at before, and more was done since: see `featx.evaluation.looks`.

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
    runs = put_together(runs)
    _check_same_test(runs)
    done = [run for run in runs if run.record.failure is None]
    _check_same_truth(done)
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
    pairs = pairs_of(rows, pairing)
    headline = headline_of(rows, pairs, pairing, settings, looks)
    rows = with_verdict(rows, headline, reference)
    caveats = caveats_of(groups, failed, reference, settings) + (contradictions(headline) if headline else [])
    silenced = [caveat.code for caveat in caveats if caveat.code in (settings.silence or ())]
    return Comparison(
        rows=tuple(rows),
        pairs=tuple(pairs),
        failed=tuple(failed),
        reference=reference,
        metric=settings.metric,
        margin=settings.margin,
        confidence=settings.confidence,
        label_names=first.label_names,
        data=first.data,
        checkpoints=tuple(
            dict.fromkeys(r.record.checkpoint.name for r in runs if r.record.checkpoint and not r.record.control)
        ),
        caveats=tuple(caveat for caveat in caveats if caveat.code not in silenced),
        silenced=tuple(dict.fromkeys(silenced)),
        headline=headline,
        n_folds=least_folds(groups),
    )


def _grouped(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Return runs by method, seeds in order; with the checkpoint in the name where one method is there on several.

    Raises
    ------
    RunError
        If runs of one method and checkpoint differ in more than the seed, or one seed is there twice.
    """
    apart: dict[tuple[str, str], list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.record.seed):
        checkpoint = run.record.checkpoint
        made = apart.setdefault((run.record.method, "" if checkpoint is None else checkpoint.name), [])
        # One experiment a checkpoint: methods that use none are in each of them.
        if checkpoint is not None or all(other.record.identity != run.record.identity for other in made):
            made.append(run)
    methods = [method for method, _ in apart]
    groups = {
        row_name(method, checkpoint if methods.count(method) > 1 else None): made
        for (method, checkpoint), made in apart.items()
    }
    _check_seeds(groups)
    return groups


def _find_reference(groups: Mapping[str, Sequence[Run]], settings: ReportSettings) -> str | None:
    """Return the group that is the reference: of one method on several checkpoints the best, then cheapest."""
    if settings.reference in groups:
        return settings.reference
    of_method = [name for name, made in groups.items() if made[0].record.method == settings.reference]

    def validation(name: str) -> float:
        return float(np.mean([run.record.score("validation", settings.metric) for run in groups[name]]))

    return min(of_method, key=lambda name: (-validation(name), _seconds(groups[name]), name), default=None)


def _seconds(runs: Sequence[Run]) -> float:
    return float(np.mean([run.record.timings.extract_seconds + run.record.timings.fit_seconds for run in runs]))


def check_metric(metric: str) -> None:
    """Check the name of a metric, before any work is done for it.

    Raises
    ------
    SettingsError
        If it is none that runs are compared by; lists those.
    """
    if metric not in CONFUSION_METRICS:
        raise SettingsError(f"`metric` is {metric!r}; expected one of: {', '.join(CONFUSION_METRICS)}", "metric")


def _check_same_test(runs: Sequence[Run]) -> None:
    first = runs[0]
    for run in runs[1:]:
        if run.record.split_digest == first.record.split_digest:
            continue
        if (run.record.n_folds is None) != (first.record.n_folds is None):
            whole, split = (first, run) if first.record.n_folds else (run, first)
            raise RunError(
                f"{whole.folder} is tested on all texts by {whole.record.n_folds} folds, {split.folder} on one test "
                "split, so they cannot be compared; report them apart, or run both with the same `folds`"
            )
        raise RunError(
            f"{first.folder} and {run.folder} have different test texts, so they cannot be compared; report them "
            "apart, or run them again on the same data with the same `split_seed`"
        )


def _check_same_truth(done: Sequence[Run]) -> None:
    """Check what digests do not: that predictions are in the order of the same texts."""
    for run in done[1:]:
        try:
            check_same_texts([done[0].predictions["test"], run.predictions["test"]])
        except ValueError as e:
            raise RunError(
                f"{done[0].folder} and {run.folder} cannot be compared: {e}, though their test texts have one digest; "
                "one was changed since it was written, run its method again with `overwrite`"
            ) from e


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
    """Return the parts of the runs' identities, the seed left out, in which they differ."""
    of_a, of_b = a.record.identity, b.record.identity
    return [key for key in of_a if key != "seed" and of_a[key] != of_b[key]]
