"""The one comparison that a report is about: the best fine-tuned row on validation with the best classical one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from featx.evaluation import Family, Looks, Paired, Verdict, verdict
from featx.reporting.judging import Pair, Pairing, pre_stated
from featx.reporting.rows import Row
from featx.settings import CaveatCode, ReportSettings


@dataclass(frozen=True)
class Headline:
    """Fine-tuning against the classical methods, each side by one row that validation chose.

    Attributes
    ----------
    finetuned, classical : Row
    paired : Paired
        Of the fine-tuned less the classical row.
    verdict : Verdict
        Of the fine-tuned row. The comparison is stated before test is looked at, so that its p-value is not adjusted.
    contradicting : tuple of Pair
        Rows of either side that were not chosen and turn the answer round, with the p-values of all pairs adjusted: the
        better row first.
    learned_nothing : bool
        Whether the fine-tuned row stands for nothing, since its training came to nothing: with all seeds, or with one
        and it is not better for all that.
    looks : Looks or None
        How often test was looked at, where more was done after a look; the verdict is the last one's.
    """

    finetuned: Row
    classical: Row
    paired: Paired
    verdict: Verdict
    contradicting: tuple[Pair, ...]
    learned_nothing: bool
    looks: Looks | None = None


def headline_of(
    rows: Sequence[Row], pairs: Sequence[Pair], pairing: Pairing, settings: ReportSettings, looks: Looks | None = None
) -> Headline | None:
    """Return the headline comparison; None without a row on each side.

    With `looks` the verdict may use the level of significance of the last one alone.
    """
    sides = pre_stated(rows)
    if sides is None:
        return None
    finetuned, classical = sides
    pair = next(pair for pair in pairs if {pair.a, pair.b} == {finetuned.method, classical.method})
    paired = pair.paired if pair.a == finetuned.method else _reversed(pair.paired)
    confidence = settings.confidence if looks is None else 1 - looks.now
    strict = paired
    if looks is not None and confidence < 1:
        strict = pairing.paired(finetuned.method, classical.method, confidence)
    said = verdict(strict, paired.p_value, settings.margin, confidence) if confidence < 1 else Verdict.UNDECIDED
    return Headline(
        finetuned=finetuned,
        classical=classical,
        paired=paired,
        verdict=said,
        contradicting=tuple(_contradicting(rows, pairs, finetuned, classical, said, settings)),
        learned_nothing=_learned_nothing(finetuned, said),
        looks=looks,
    )


def with_verdict(rows: Sequence[Row], headline: Headline | None, reference: str | None) -> list[Row]:
    """Return rows in which the headline's classical row, compared with its fine-tuned one, says what the headline does.

    That differs from what the row alone says where looks at test are counted.
    """
    if headline is None or headline.looks is None or reference != headline.finetuned.method:
        return list(rows)
    turned = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    said = turned.get(headline.verdict, headline.verdict).value
    return [replace(row, verdict=said) if row.method == headline.classical.method else row for row in rows]


def _contradicting(
    rows: Sequence[Row], pairs: Sequence[Pair], finetuned: Row, classical: Row, said: Verdict, settings: ReportSettings
) -> list[Pair]:
    """Return pairs where one side's chosen row is beaten by a row of the other side that was not chosen."""
    family = {row.method: row.family for row in rows}
    found = []
    for pair in pairs:
        ahead_finetuned = family[pair.a] is Family.FINE_TUNED and pair.b == classical.method
        ahead_classical = family[pair.a].is_classical and pair.b == finetuned.method
        turned = (ahead_finetuned and said is not Verdict.BETTER) or (ahead_classical and said is not Verdict.WORSE)
        chosen = pair.a in (finetuned.method, classical.method)
        better = verdict(pair.paired, pair.p_holm, settings.margin, settings.confidence) is Verdict.BETTER
        if turned and better and not chosen:
            found.append(pair)
    return found


def _learned_nothing(row: Row, said: Verdict) -> bool:
    seeds = [any(c.code is CaveatCode.LEARNED_NOTHING for c in run.record.caveats) for run in row.runs]
    return all(seeds) or (any(seeds) and said is not Verdict.BETTER)


def _reversed(paired: Paired) -> Paired:
    d = paired.difference
    return replace(paired, difference=replace(d, value=-d.value, low=-d.high, high=-d.low))
