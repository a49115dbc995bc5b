"""Do I need to fine-tune a Transformer on my texts, or are its frozen features enough? featx answers that.

``Session``, ``load_dataset``, ``extract``, ``baseline``, ``finetune``, ``compare``, ``compare_runs``, ``report``,
``predict`` and ``FeatureExtractor`` are loaded when they are first used, so that ``import featx`` stays light.
docs/python.md shows them at work.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featx.api import baseline, compare, compare_runs, extract, finetune, load_dataset, predict, report
    from featx.session import Session
    from featx.sklearn import FeatureExtractor

__version__ = "0.2.0"

__all__ = [
    "FeatureExtractor",
    "Session",
    "baseline",
    "compare",
    "compare_runs",
    "extract",
    "finetune",
    "load_dataset",
    "predict",
    "report",
]

#: Where each name comes from.
_HOMES = dict.fromkeys(__all__, "featx.api") | {"FeatureExtractor": "featx.sklearn", "Session": "featx.session"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'featx' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
