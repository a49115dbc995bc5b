"""The answer in plain sentences, never more certain than the intervals allow."""

from __future__ import annotations

from featx.evaluation import Family
from featx.reporting.cells import score
from featx.reporting.comparison import Comparison
from featx.reporting.rows import Row
from featx.settings import CaveatCode


def answer(comparison: Comparison) -> list[str]:
    """Two or three sentences: is fine-tuning worth it here, how sure is that, and at what cost.

    Only what the verdict allows is said to be so; without a fine-tuned and a classical run the answer says
    what is missing.
    """
    reference = comparison.row(comparison.reference) if comparison.reference else None
    classical = [row for row in comparison.rows if row.family.is_classical]
    if reference is None or reference.family is not Family.FINE_TUNED or not classical:
        real = [row for row in comparison.rows if not row.control] or list(comparison.rows)
        best = max(real, key=lambda row: row.validation)
        return [
            f"Best on validation is {best.method}, with a test {comparison.metric} of {_shown(best, comparison)}.",
            "Whether fine-tuning is worth it cannot be said: that takes a run of finetune, one of a classical "
            "method, and finetune as the reference.",
        ]
    # Chosen on validation: the best on test would flatter the classical side.
    rival = max(classical, key=lambda row: row.validation)
    first = _limits(reference, comparison) + _verdict(reference, rival, comparison)
    return [first, _cost(reference, rival), *_caveats(reference, rival, comparison)]


def _limits(reference: Row, comparison: Comparison) -> str:
    """Return the reservations that the first sentence opens with."""
    limits = []
    if comparison.has(CaveatCode.MIXED_TRAIN):
        limits.append("the methods were trained on different texts")
    if comparison.has(CaveatCode.SHARED_TEST_TEXTS):
        limits.append("every test text stands in train as well")
    if comparison.has(CaveatCode.UNDER_TRAINED, CaveatCode.LEARNED_NOTHING, method=reference.method):
        limits.append("fine-tuning was under-trained")
    return f"With the reservation that {' and '.join(limits)}: " if limits else ""


def _verdict(reference: Row, rival: Row, comparison: Comparison) -> str:
    d = rival.difference
    assert d is not None
    finetuned = "fine-tuning" if len(reference.seeds) > 1 else "fine-tuning with this one seed"
    scores = (
        f"fine-tuning reaches a test {comparison.metric} of {_shown(reference, comparison)}, {rival.method} "
        f"(best classical method on validation) {_shown(rival, comparison)}"
    )
    gap = f"{abs(d.value):.3f} [{min(abs(d.low), abs(d.high)):.3f}, {max(abs(d.low), abs(d.high)):.3f}]"
    signed = f"the interval of the difference, [{d.low:+.3f}, {d.high:+.3f}],"
    if rival.verdict == "worse":
        return f"Yes, {finetuned} is better here: {scores}; it gains {gap}."
    if rival.verdict == "better":
        return f"No, the classical method is better here: {scores}; it leads by {gap}."
    if rival.verdict == "equivalent":
        return (
            f"No, fine-tuning is not needed here: {scores}; {signed} lies within ±{comparison.margin:g}, a difference "
            "that would not matter."
        )
    n_test = comparison.data.test.n_texts
    ahead = "ahead" if d.value > 0 else "behind"
    why = (
        f"{signed} holds 0: it may be chance on {n_test} test texts"
        if not d.excludes_zero
        else f"{signed} leaves out 0, but not once the number of methods is counted (Holm, p = {rival.p_holm:.3f})"
    )
    return f"Undecided: {scores}; the second is {ahead} by {abs(d.value):.3f}, but {why}."


def _shown(row: Row, comparison: Comparison) -> str:
    return f"{score(row.test.value)} [{score(row.test.low)}, {score(row.test.high)}]"


def _cost(reference: Row, rival: Row) -> str:
    dear, cheap = reference.seconds, rival.seconds
    factor = dear / cheap if cheap > 0 else float("inf")
    times = f"{factor:.0f} times as long" if factor >= 1.5 else "about as long" if factor > 0.67 else "less time"
    return (
        f"Fine-tuning took {dear:.1f} s and {rival.method} {cheap:.1f} s in all ({times}); a text costs "
        f"{reference.predict_ms:.2f} ms against {rival.predict_ms:.2f} ms when predicting."
    )


def _caveats(reference: Row, rival: Row, comparison: Comparison) -> list[str]:
    hints = []
    if reference.under_trained:
        hints.append("fine-tuning was under-trained: more epochs or another learning rate may raise it")
    if rival.verdict == "undecided" and rival.paired is not None:
        hints.append(
            f"more test texts would narrow the interval (in one comparison these show differences of "
            f"{rival.paired.minimum_detectable_difference:.3f} or more, with a power of 80 %)"
        )
    if len(reference.seeds) == 1:
        hints.append("more seeds would show how much is luck")
    if reference.trials == 1 and rival.trials > 1:
        hints.append(
            f"the classical method was chosen from {rival.trials} settings, fine-tuning was not tuned (--search)"
        )
    return [f"What could change this: {'; '.join(hints)}."] if hints else []
