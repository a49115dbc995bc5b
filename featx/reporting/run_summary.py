"""What a report says of its data and of itself, as names and values."""

from __future__ import annotations

from featx.reporting.comparison import Comparison


def describe_data(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the data, sizes, labels, checkpoints and metric."""
    data = comparison.data
    sizes = ", ".join(f"{name} {split.n_texts:,}" for name, split in data.splits.items())
    return [
        ("data", data.address + (f" at {data.revision[:12]}" if data.revision else "")),
        ("texts", sizes),
        ("labels", ", ".join(comparison.label_names)),
        ("checkpoint", ", ".join(comparison.checkpoints) or "none"),
        ("metric", f"{comparison.metric}; intervals of {comparison.confidence:.0%} by bootstrap over test texts"),
    ]
