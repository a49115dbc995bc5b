"""Which settings identify a run: derived from their declarations."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from typing import Any

from featx.settings.base import Settings, hints_of
from featx.settings.declare import Identity, declared_of


def identity_facts(settings: Settings) -> dict[str, Any]:
    """Return the settings that are part of a run's identity, by the names under which records keep them.

    Examples
    --------
    >>> from featx.settings.baseline import BaselineSettings
    >>> identity_facts(BaselineSettings(cv=5))
    {'cv': 5, 'refit': 'train', 'calibrate': 'none'}
    """
    facts = {}
    for field in fields(settings):
        declared, value = declared_of(hints_of(type(settings))[field.name]), getattr(settings, field.name)
        if declared.counts_with is not None:
            other, wanted = declared.counts_with
            if getattr(settings, other) != wanted:
                continue
        if declared.identity is Identity.ALWAYS or (
            declared.identity is Identity.UNLESS_DEFAULT and value != field.default
        ):
            facts[declared.stored or field.name] = _plain(value)
    return facts


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.value if isinstance(value, Enum) else value
