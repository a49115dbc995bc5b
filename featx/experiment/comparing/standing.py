"""What a comparison says of how open its answer is."""

from __future__ import annotations

import numpy as np

from featx.evaluation import Verdict
from featx.reporting import Comparison
from featx.reporting.headline import Headline


def is_decided(comparison: Comparison) -> bool:
    """Return whether the answer stands: a verdict, and no training that came to nothing behind it.

    Where fine-tuning is under-trained, only that it is better stands. One seed on one split decides nothing: what
    others would give is unknown.
    """
    headline = comparison.headline
    if headline is None or headline.learned_nothing or headline.verdict is Verdict.UNDECIDED:
        return False
    if len(headline.finetuned.seeds) == 1 and headline.finetuned.runs[0].record.n_folds is None:
        return False
    return headline.verdict is Verdict.BETTER or not headline.finetuned.under_trained


def seed_share(headline: Headline, confidence: float, metric: str) -> float | None:
    """Return the share of the variance of the headline's difference that is due to seeds; None with one seed.

    The spread of the seeds is that on validation: what is done next must not hang on what test says of them.
    """
    from scipy.stats import norm

    if len(headline.finetuned.seeds) == 1:
        return None
    difference = headline.paired.difference
    error = (difference.high - difference.low) / (2 * norm.isf((1 - confidence) / 2))
    spread = [run.record.score("validation", metric) for run in headline.finetuned.runs]
    of_seeds = float(np.var(spread, ddof=1)) / len(spread)
    return min(1.0, of_seeds / error**2) if error > 0 else 0.0
