"""Groups of runs become rows with their tests: each alone, against the reference, the best, and each other."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from featx.evaluation import (
    CLASS_METRICS,
    CONFUSION_METRICS,
    SCORE_METRICS,
    Family,
    Interval,
    Lengths,
    Paired,
    Resampler,
    Resamples,
    holm,
    interval_over_seeds,
    least_lengths,
    least_lengths_of_classes,
    paired_of,
    range_of,
    resampled_scores,
    verdict,
)
from featx.reporting.rows import Row, row_values
from featx.runs import Run
from featx.settings import ReportSettings


@dataclass(frozen=True)
class Pair:
    """Two methods, controls left out, compared as with the reference.

    Attributes
    ----------
    a, b : str
    paired : Paired
        Of `a` less `b`.
    p_holm, mcnemar_holm : float
        Adjusted for the number of pairs.
    """

    a: str
    b: str
    paired: Paired
    p_holm: float
    mcnemar_holm: float


class Pairing:
    """Compares any two groups on common resamples.

    Parameters
    ----------
    groups : mapping of str to list of Run
        The seeds of each method.
    settings : ReportSettings
    """

    def __init__(self, groups: Mapping[str, list[Run]], settings: ReportSettings) -> None:
        self._settings = settings
        self._predictions = {name: [run.predictions["test"] for run in made] for name, made in groups.items()}
        ends = np.cumsum([len(made) for made in groups.values()]).tolist()
        self._columns = {n: range(end - len(m), end) for (n, m), end in zip(groups.items(), ends, strict=True)}
        together = [made for group in self._predictions.values() for made in group]
        n_folds = least_folds(groups)
        self._resampler = Resampler(together, settings.n_resamples, n_folds=n_folds)

    def alone(self, name: str) -> Resamples:
        """Resamples of one group."""
        return self._resampler.resamples(self._columns[name])

    def paired(self, a: str, b: str, confidence: float | None = None) -> Paired:
        """Group `a` less group `b`, with intervals of the settings' confidence or of `confidence`."""
        both = self._resampler.resamples([*self._columns[a], *self._columns[b]])
        values, drawn = both.values[self._settings.metric], both.drawn[self._settings.metric]
        n = len(self._columns[a])
        predictions = self._predictions[a], self._predictions[b]
        return paired_of(
            (values[:n], drawn[:, :n]),
            (values[n:], drawn[:, n:]),
            predictions,
            self._settings.metric,
            self._settings.confidence if confidence is None else confidence,
        )


def least_folds(groups: Mapping[str, list[Run]]) -> int | None:
    """Return of how many folds the predictions were put together, the fewest; None without folds."""
    return min((run.record.n_folds for made in groups.values() for run in made if run.record.n_folds), default=None)


def rows_of(
    groups: Mapping[str, list[Run]], pairing: Pairing, reference: str | None, settings: ReportSettings
) -> list[Row]:
    """Return a row for each group, best test score first."""
    scores = _score_resamples(groups, settings)
    rows = [_row(name, made, pairing.alone(name), scores.get(name), settings) for name, made in groups.items()]
    rows = _against_reference(rows, pairing, reference, settings)
    rows = _against_best(rows, pairing)
    return sorted(map(_with_pareto, rows, itertools.repeat(rows)), key=lambda row: (-row.test.value, row.method))


def pre_stated(rows: Sequence[Row]) -> tuple[Row, Row] | None:
    """Return the fine-tuned and the classical row that are compared; None where one is missing.

    Each is the best of its side on validation, of equals the cheapest, then the first by name. Nothing of test decides:
    the best on test would flatter its side.
    """
    sides = (
        [row for row in rows if row.family is Family.FINE_TUNED],
        [row for row in rows if row.family.is_classical],
    )
    if not all(sides):
        return None
    finetuned, classical = (min(side, key=lambda row: (-row.validation, row.seconds, row.method)) for side in sides)
    return finetuned, classical


def pairs_of(rows: Sequence[Row], pairing: Pairing) -> list[Pair]:
    """Return every pair of rows, controls left out; p-values are adjusted for the number of pairs."""
    names = [row.method for row in rows if not row.control]
    made = [(a, b, pairing.paired(a, b)) for a, b in itertools.combinations(names, 2)]
    p_holm, mcnemar_holm = holm([p.p_value for _, _, p in made]), holm([p.mcnemar_p for _, _, p in made])
    return [Pair(*pair, p, m) for pair, p, m in zip(made, p_holm, mcnemar_holm, strict=True)]


def _score_resamples(groups: Mapping[str, list[Run]], settings: ReportSettings) -> dict[str, Resamples]:
    """Resamples of the score metrics of every method that has scores, all from one draw."""
    scored = {
        name: made for name, made in groups.items() if all(run.predictions["test"].y_score is not None for run in made)
    }
    if not scored:
        return {}
    made_by_all = [run.predictions["test"] for made in scored.values() for run in made]
    together = resampled_scores(made_by_all, settings.n_resamples, n_folds=least_folds(scored))
    parts, at = {}, 0
    for name, made in scored.items():
        here = slice(at, at + len(made))
        parts[name] = Resamples(
            {metric: values[here] for metric, values in together.values.items()},
            {metric: drawn[:, here] for metric, drawn in together.drawn.items()},
        )
        at += len(made)
    return parts


def _row(
    method: str, runs: list[Run], of_confusion: Resamples, of_scores: Resamples | None, settings: ReportSettings
) -> Row:
    def interval(resamples: Resamples, metric: str) -> Interval:
        lengths = least_lengths(predictions, metric, settings.confidence)
        values, drawn = resamples.values[metric], resamples.drawn[metric]
        return interval_over_seeds(values, drawn, settings.confidence, lengths, range_of(metric))

    predictions = [run.predictions["test"] for run in runs]

    intervals = {metric: interval(of_confusion, metric) for metric in CONFUSION_METRICS}
    if of_scores is not None:
        intervals |= {metric: interval(of_scores, metric) for metric in SCORE_METRICS}
    return Row(
        **row_values(runs, settings.metric),
        class_intervals=_class_intervals(runs, of_confusion, settings),
        method=method,
        test=intervals[settings.metric],
        intervals=intervals,
        paired=None,
        p_holm=None,
        mcnemar_holm=None,
        verdict="",
        equals_best=False,
        pareto=False,
    )


def _class_intervals(runs: list[Run], resamples: Resamples, settings: ReportSettings) -> dict[str, dict[str, Interval]]:
    """Interval of each class metric by label name; empty where there are too many classes to keep their counts."""
    made = resamples.of_classes()
    if made is None:
        return {}
    values, drawn = made
    lengths = least_lengths_of_classes([run.predictions["test"] for run in runs], settings.confidence)

    def interval(name: str, k: int) -> Interval:
        here, (below, above) = values[name][:, k], lengths[name]
        least = Lengths(float(below[k]), float(above[k]))
        return interval_over_seeds(here, drawn[name][:, :, k], settings.confidence, least, (0.0, 1.0))

    return {
        label: {name: interval(name, k) for name in CLASS_METRICS} for k, label in enumerate(runs[0].record.label_names)
    }


def _against_reference(
    rows: Sequence[Row], pairing: Pairing, reference: str | None, settings: ReportSettings
) -> list[Row]:
    """Return rows with their difference to the reference; p-values are adjusted over all methods that are no controls.

    The verdict on the one row with which the reference was to be compared before test was looked at (see
    `pre_stated`) rests on its own p-value, not on the adjusted one.
    """
    if reference is None:
        return list(rows)
    paired = {row.method: pairing.paired(row.method, reference) for row in rows if row.method != reference}
    family = [row.method for row in rows if row.method in paired and not row.control]
    p_holm = dict(zip(family, holm([paired[name].p_value for name in family]), strict=True))
    mcnemar_holm = dict(zip(family, holm([paired[name].mcnemar_p for name in family]), strict=True))

    sides = pre_stated(rows)
    rival = sides[1].method if sides and sides[0].method == reference else None

    def said(name: str) -> str:
        if name not in p_holm:
            return ""
        p_value = paired[name].p_value if name == rival else p_holm[name]
        return verdict(paired[name], p_value, settings.margin, settings.confidence).value

    return [
        replace(
            row,
            paired=paired.get(row.method),
            p_holm=p_holm.get(row.method),
            mcnemar_holm=mcnemar_holm.get(row.method),
            verdict=said(row.method),
        )
        for row in rows
    ]


def _against_best(rows: Sequence[Row], pairing: Pairing) -> list[Row]:
    """Return rows with a mark where the best test score is not shown to be better than theirs."""
    best = max((row for row in rows if not row.control), key=lambda row: row.test.value, default=None)

    def equals(row: Row) -> bool:
        if best is None or row.control:
            return False
        return row is best or not pairing.paired(best.method, row.method).difference.excludes_zero

    return [replace(row, equals_best=equals(row)) for row in rows]


def _with_pareto(row: Row, rows: Sequence[Row]) -> Row:
    beaten = any(
        other.test.value >= row.test.value
        and other.seconds <= row.seconds
        and (other.test.value > row.test.value or other.seconds < row.seconds)
        for other in rows
        if not other.control
    )
    return replace(row, pareto=not row.control and not beaten)
