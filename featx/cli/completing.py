"""Words that a shell completes values from, where they are no choices of a declaration. Loaded when a shell asks."""

from __future__ import annotations

from collections.abc import Callable


def _methods() -> list[str]:
    from featx.experiment.names import method_names

    return method_names()


def _metrics() -> list[str]:
    from featx.experiment.names import metric_names

    return metric_names()


_LISTS: dict[str, Callable[[], list[str]]] = {
    "methods": _methods,
    "metrics": _metrics,
    "layers": lambda: ["all", "-1"],
}


def suggested(name: str | None) -> list[str]:
    """Return the words of the list `name`; none where there is no such list."""
    return _LISTS[name]() if name in _LISTS else []
