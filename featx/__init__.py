"""Do I need to fine-tune a Transformer on my texts, or are its frozen features enough? featx answers that.

``load_dataset``, ``extract``, ``baseline``, ``finetune``, ``compare``, ``report``, ``predict`` and
``FeatureExtractor`` are loaded when they are first used, so that ``import featx`` stays light. docs/python.md
shows them at work.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featx.api import baseline, compare, extract, finetune, load_dataset, predict, report
    from featx.sklearn import FeatureExtractor

__version__ = "0.1.0"

__all__ = [
    "FeatureExtractor",
    "baseline",
    "compare",
    "extract",
    "finetune",
    "load_dataset",
    "predict",
    "report",
]

#: Where each name comes from.
_HOMES = dict.fromkeys(__all__, "featx.api") | {"FeatureExtractor": "featx.sklearn"}
#: Names that a subpackage or module has too.
_SHARED = frozenset({"finetune", "predict", "report"})


def __getattr__(name: str) -> Any:
    if name in _SHARED:
        return import_module(f"featx.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'featx' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _CallableModule(ModuleType):
    """A module that can be called: ``featx.report`` is the package and the function at once."""

    def _function(self) -> Any:
        return getattr(import_module("featx.api"), self.__name__.rpartition(".")[2])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function()(*args, **kwargs)

    @property
    def __signature__(self) -> Any:
        """Of the function: what ``help`` and editors show."""
        from inspect import signature

        return signature(self._function())


class _Package(ModuleType):
    """featx itself: a submodule that shares its name with a function becomes callable when it is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SHARED and type(value) is ModuleType:
            value.__class__ = _CallableModule
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
