"""The answer in at most five plain sentences, the verdict first, never more certain than the tests allow."""

from __future__ import annotations

from featx.evaluation import Verdict
from featx.markup import duration
from featx.reporting.cells import score
from featx.reporting.comparison import Comparison
from featx.reporting.headline import Headline
from featx.reporting.rows import Row
from featx.settings import CaveatCode


def answer(comparison: Comparison) -> list[str]:
    """Return the answer: is fine-tuning worth it here, how sure is that, at what cost, and what could change it.

    Of the fine-tuned rows and of the classical ones the best on validation is looked at; a row that was not chosen and
    says the opposite is named.
    """
    headline = comparison.headline
    if headline is None:
        return _without_two_sides(comparison)
    if headline.learned_nothing:
        return _learned_nothing(headline, comparison)
    return [
        _verdict(headline, comparison),
        _scores(headline, comparison),
        _gap(headline, comparison),
        _cost(headline),
        *_hints(headline),
    ]


def _without_two_sides(comparison: Comparison) -> list[str]:
    real = [row for row in comparison.rows if not row.control] or list(comparison.rows)
    best = min(real, key=lambda row: (-row.validation, row.seconds, row.method))
    return [
        "Whether fine-tuning is worth it cannot be said yet: that takes a fine-tuned method (featx finetune, or "
        "featx compare with time enough) and a classical one (featx baseline).",
        f"Best on validation is {best.method}, with a test {comparison.metric} of {score(best.test.value)} "
        f"({_range(comparison, best.test.low, best.test.high, '.3f')}).",
    ]


def _learned_nothing(headline: Headline, comparison: Comparison) -> list[str]:
    name = headline.finetuned.method
    return [
        f"Whether fine-tuning is worth it cannot be said yet: {name} learned nothing; run featx finetune again with "
        "another `learning_rate` or with `search`.",
        _scores(headline, comparison),
    ]


def _verdict(headline: Headline, comparison: Comparison) -> str:
    seed = "fine-tuning" if len(headline.finetuned.seeds) > 1 else "fine-tuning with this one seed"
    first = {
        Verdict.BETTER: f"Yes, {seed} is better here",
        Verdict.WORSE: "No, the classical method is better here",
        Verdict.EQUIVALENT: "No, fine-tuning is not needed here",
        Verdict.UNDECIDED: "Undecided",
    }[headline.verdict]
    return f"{first}{_limits(headline, comparison)}."


def _limits(headline: Headline, comparison: Comparison) -> str:
    """Return the reservation of the verdict, as the end of its sentence."""
    limits = []
    if comparison.has(CaveatCode.MIXED_TRAIN):
        limits.append("the methods were trained on different texts")
    if comparison.has(CaveatCode.SHARED_TEST_TEXTS):
        limits.append("every test text stands in train as well")
    if headline.finetuned.under_trained and headline.verdict is not Verdict.BETTER:
        limits.append("fine-tuning was under-trained")
    return f", but {' and '.join(limits)}" if limits else ""


def _scores(headline: Headline, comparison: Comparison) -> str:
    finetuned, classical = headline.finetuned, headline.classical
    return (
        f"{_named(finetuned)} scores {score(finetuned.test.value)}, {classical.method} {score(classical.test.value)} "
        f"({comparison.metric} on test; each is the best of its side on validation)."
    )


def _named(row: Row) -> str:
    return "Fine-tuning" if row.method == "finetune" else f"Fine-tuning ({row.method})"


def _gap(headline: Headline, comparison: Comparison) -> str:
    paired, d = headline.paired, headline.paired.difference
    texts = f"With {comparison.data.test.n_texts:,} test texts"
    if comparison.n_folds is not None:
        texts = f"With {comparison.data.test.n_texts:,} texts, each tested once in {comparison.n_folds} folds,"
    of = f"fine-tuning minus {headline.classical.method}, {_range(comparison, d.low, d.high, '+.3f')}"
    gap = f"a gap of {abs(d.value):.3f}"
    if paired.one_class:
        return f"{texts}, all of one class, nothing can be said of the others ({of})."
    if headline.verdict in (Verdict.BETTER, Verdict.WORSE):
        return f"{texts} {gap} is more than chance ({of}; p {_p_value(paired.p_value)}{_looks(headline)})."
    if headline.verdict is Verdict.EQUIVALENT:
        return f"{texts} the difference is within ±{comparison.margin:g}, which would not matter ({of})."
    if d.within(comparison.margin):
        unseen = min(1.0, max(paired.change_bound, paired.disagreement) + max(-d.low, d.high))
        return (
            f"{texts} no difference that matters was seen ({of}), but they are too few, in all or of the rarest "
            f"classes, to say that none is there: up to {unseen:.3f} could go unseen."
        )
    if d.excludes_zero:  # at the confidence that is shown, but not at what this look may use
        p_value = f"p {_p_value(paired.p_value)}{_looks(headline)}"
        return f"{texts} {gap} is not beyond what this look may decide ({of}; {p_value})."
    return f"{texts} {gap} is within noise ({of})."


def _range(comparison: Comparison, low: float, high: float, sign: str) -> str:
    return f"{comparison.confidence:.0%}: {low:{sign}} to {high:{sign}}"


def _looks(headline: Headline) -> str:
    looks = headline.looks
    return "" if looks is None else f", at most {looks.now:.3f} at look {len(looks.levels)} of {looks.planned}"


def _p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _cost(headline: Headline) -> str:
    finetuned, classical = headline.finetuned, headline.classical
    dear, cheap = _seconds(finetuned), _seconds(classical)
    factor = dear / cheap if cheap > 0 else float("inf")
    if factor == float("inf"):
        times = ""
    elif factor >= 1.5:
        times = f" ({factor:.0f} times as long)"
    else:
        times = " (about as long)" if factor > 0.67 else " (less time)"
    a_million = [duration(row.predict_ms * 1_000) for row in (finetuned, classical)]
    return (
        f"To have it, fine-tuning ({_effort(finetuned)}) took {duration(dear)} and {classical.method} "
        f"({_effort(classical)}) {duration(cheap)}{times}; labelling a "
        f"million texts takes {a_million[0]} and {a_million[1]} on this machine."
    )


def _effort(row: Row) -> str:
    """Return how far a side was tuned: the settings that were tried and the seeds."""
    tried = max(len(run.record.selection.trials) for run in row.runs)
    parts = [f"{tried} setting{'s' * (tried > 1)}"] if tried else []
    parts += [f"{len(row.seeds)} seeds"] if len(row.seeds) > 1 else []
    return ", ".join(parts) or "nothing tuned"


def _seconds(row: Row) -> float:
    """Return what all seeds of a row cost together; features are extracted once."""
    return row.extract_seconds + sum(run.record.timings.fit_seconds for run in row.runs)


def _hints(headline: Headline) -> list[str]:
    finetuned, classical = headline.finetuned, headline.classical
    hints = [f"{pair.a}, which validation did not choose, is better than {pair.b}" for pair in headline.contradicting]
    if finetuned.under_trained:
        hints.append("more epochs or another learning rate may raise fine-tuning, which was under-trained")
    if headline.verdict is Verdict.UNDECIDED and not headline.paired.one_class:
        hints.append(
            f"more test texts (these show differences of {_detectable(headline):.3f} or more four times in five)"
        )
    if len(finetuned.seeds) == 1:
        hints.append("more seeds would show how much is luck")
    if finetuned.trials == 1 and classical.trials > 1:
        hints.append(f"{classical.method} was chosen from {classical.trials} settings, fine-tuning was not tuned")
    could = f"What could change this: {'; '.join(hints)}" if hints else ""
    return [f"{could}; next: {_next(headline)}." if could else f"Next: {_next(headline)}."]


def _next(headline: Headline) -> str:
    """Return what to do now, as a command: label texts with the method to use, or make the answer surer."""
    if headline.verdict is Verdict.UNDECIDED:
        return "featx compare with a longer `budget`, or label more texts"
    row = headline.finetuned if headline.verdict is Verdict.BETTER else headline.classical
    run = row.runs[0]
    if run.record.n_folds is not None:
        how = "finetune" if row is headline.finetuned else f"baseline --methods {run.record.method}"
        return f"featx {how} without folds, which trains on nearly all texts, then featx predict with that run"
    return f"featx predict {run.folder} --input FILE"


def _detectable(headline: Headline) -> float:
    paired = headline.paired
    return min(1.0, max(paired.minimum_detectable_difference, paired.change_bound))
