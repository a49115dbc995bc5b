"""Functions that take settings as keywords show each of them: in ``help()``, in notebooks, and where Tab is pressed."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, TypeVar

from featx.settings.base import Settings, hints_of
from featx.settings.declare import declared_of, meta_of
from featx.settings.groups import GROUPS
from featx.settings.keywords import CALLS
from featx.settings.text import to_text

F = TypeVar("F", bound=Callable[..., Any])
_WIDTH = 100


def documented(call: type[Any]) -> Callable[[F], F]:
    """Return a decorator for a function whose ``**settings`` are the keywords `call` of ``featx.settings.keywords``.

    It names every setting with its default in the signature, and with its meaning at the end of the docstring.

    Examples
    --------
    >>> from featx.settings.keywords import ReportCall
    >>> @documented(ReportCall)
    ... def report(*results, **settings):
    ...     '''Compare runs.'''
    >>> list(inspect.signature(report).parameters)[:2]
    ['results', 'reference']
    """

    def decorate(function: F) -> F:
        shown = list(_settings_of(call))
        signature = inspect.signature(function)
        kept = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        named = {parameter.name for parameter in kept}
        more = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for _, name, default, annotation in shown
            if name not in named
        ]
        function.__signature__ = signature.replace(parameters=[*kept, *more])  # type: ignore[attr-defined]
        lines = [line for kind, name, _, _ in shown for line in _lines(kind, name)]
        text = inspect.cleandoc(function.__doc__ or "")
        function.__doc__ = "\n".join([text, "", "Settings", "--------", *lines])
        return function

    return decorate


def _settings_of(call: type[Any]) -> Iterator[tuple[type[Settings], str, Any, Any]]:
    """Yield group, name, default and annotation of each keyword."""
    for name, annotation in call.__annotations__.items():
        kind = next(kind for kind in _groups_of(call) if name in hints_of(kind))
        default = next(field.default for field in fields(kind) if field.name == name)
        yield kind, name, default, getattr(annotation, "__forward_arg__", annotation)


def _groups_of(call: type[Any]) -> list[type[Settings]]:
    return [GROUPS[table] for table in (*CALLS.get(call.__name__, ()), *GROUPS)]


def _lines(kind: type[Settings], name: str) -> list[str]:
    hint = hints_of(kind)[name]
    default = next(field.default for field in fields(kind) if field.name == name)
    shown = to_text(default, hint) or declared_of(hint).unset or "none"
    return [f"{name} : default {shown}", *textwrap.wrap(meta_of(hint).description or "", _WIDTH, **_INDENT)]


_INDENT: dict[str, Any] = {"initial_indent": "    ", "subsequent_indent": "    "}
