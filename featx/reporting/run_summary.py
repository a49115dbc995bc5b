"""What a report says of its data and of itself, as names and values."""

from __future__ import annotations

from featx.reporting.comparison import Comparison


def in_words(n_folds: int) -> str:
    """Return how texts were tested."""
    return f"{n_folds} folds, every text tested once"


def describe_data(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the data, sizes, labels, checkpoints and metric."""
    data = comparison.data
    sizes = ", ".join(f"{name} {split.n_texts:,}" for name, split in data.splits.items())
    over = "test texts"
    if comparison.n_folds is not None:
        sizes = f"{in_words(comparison.n_folds)}: {sizes}; train and validation as in a fold"
        over = "test texts, widened for what training texts vary"
    return [
        ("data", data.address + (f" at {data.revision[:12]}" if data.revision else "")),
        ("texts", sizes),
        ("labels", ", ".join(comparison.label_names)),
        ("checkpoint", ", ".join(comparison.checkpoints) or "none"),
        ("metric", f"{comparison.metric}; intervals of {comparison.confidence:.0%} by bootstrap over {over}"),
    ]
