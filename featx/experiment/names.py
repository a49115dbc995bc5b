"""Names of methods and metrics, for shells that complete them."""

from __future__ import annotations


def method_names() -> list[str]:
    """Return the classical methods, and ``all``."""
    from featx.baselines.registry import METHODS

    return ["all", *METHODS]


def metric_names() -> list[str]:
    """Return the metrics that a comparison can be by."""
    from featx.evaluation import CONFUSION_METRICS

    return list(CONFUSION_METRICS)
