"""The answer in plain sentences, never more certain than the intervals allow."""

from __future__ import annotations

from featx.report.cells import score
from featx.report.comparison import Comparison, Row

_FINETUNE = "finetune"
#: Methods that read neither features nor fine-tune: the floor.
_FLOOR = ("majority", "stratified")


def answer(comparison: Comparison) -> list[str]:
    """Two or three sentences: is fine-tuning worth it here, how sure is that, and at what cost.

    Only what the paired intervals show is said to be so; without a fine-tuned and a classical run the answer says
    what is missing.
    """
    reference = comparison.row(comparison.reference) if comparison.reference else None
    others = [row for row in comparison.rows if row is not reference and row.method not in _FLOOR]
    if reference is None or reference.method != _FINETUNE or not others:
        best = comparison.rows[0]
        return [
            f"Best here is {best.method} with a test {comparison.metric} of {_shown(best, comparison)}.",
            "Whether fine-tuning is worth it cannot be said: that takes a run of finetune, one of a classical "
            "method, and finetune as the reference.",
        ]
    # Chosen on validation: the best on test would flatter the classical side.
    rival = max(others, key=lambda row: row.validation)
    return [_verdict(reference, rival, comparison), _cost(reference, rival), *_caveats(rival, comparison)]


def _verdict(reference: Row, rival: Row, comparison: Comparison) -> str:
    d = rival.difference
    assert d is not None
    scores = (
        f"fine-tuning reaches a test {comparison.metric} of {_shown(reference, comparison)}, {rival.method} "
        f"(best classical method on validation) {_shown(rival, comparison)}"
    )
    gap = f"{abs(d.value):.3f} [{min(abs(d.low), abs(d.high)):.3f}, {max(abs(d.low), abs(d.high)):.3f}]"
    if d.high < 0:
        return f"Yes, fine-tuning is better here: {scores}; it gains {gap}."
    if d.low > 0:
        return f"No, the classical method is better here: {scores}; it leads by {gap}."
    return (
        f"Undecided: {scores}; the second is {'ahead' if d.value > 0 else 'behind'} by {abs(d.value):.3f}, but the "
        f"interval of the difference, [{d.low:+.3f}, {d.high:+.3f}], holds 0: it may be chance on "
        f"{comparison.data['splits']['test']['n_texts']} test texts."
    )


def _shown(row: Row, comparison: Comparison) -> str:
    return f"{score(row.test.value)} [{score(row.test.low)}, {score(row.test.high)}]"


def _cost(reference: Row, rival: Row) -> str:
    dear = reference.extract_seconds + reference.fit_seconds
    cheap = rival.extract_seconds + rival.fit_seconds
    factor = dear / cheap if cheap > 0 else float("inf")
    times = f"{factor:.0f} times as long" if factor >= 1.5 else "about as long" if factor > 0.67 else "less time"
    return (
        f"Fine-tuning took {dear:.1f} s and {rival.method} {cheap:.1f} s in all ({times}); a text costs "
        f"{reference.predict_ms:.2f} ms against {rival.predict_ms:.2f} ms when predicting."
    )


def _caveats(rival: Row, comparison: Comparison) -> list[str]:
    hints = []
    if rival.verdict == "undecided":
        hints.append("more test texts would narrow the interval")
    if any("one seed only" in missing for missing in comparison.missing):
        hints.append("more seeds would show how much is luck")
    return [f"What could change this: {'; '.join(hints)}."] if hints else []
