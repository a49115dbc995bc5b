"""The experiment file that repeats a comparison: ``featx run compare.toml``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from featx.experiment.context import Context
from featx.experiment.example import to_toml
from featx.settings.base import Settings, hints_of
from featx.settings.declare import declared_of

#: Settings that are always said, since a file without them would say little.
_ALWAYS = ("dataset", "checkpoint")


def experiment_file(context: Context, groups: Sequence[Settings]) -> str | None:
    """Return the file, with the settings that are not at their defaults; None for data that came from memory.

    Parameters
    ----------
    context : Context
    groups : sequence of Settings
        Of the comparison itself, its features, trainings and report.
    """
    data, checkpoint = context.stated
    if data is None or checkpoint is None:
        return None
    parts = [f"experiment = {to_toml(context.experiment)}"]
    for group in (data, checkpoint, context.compute, context.ray, *groups):
        lines = [line for field in fields(group) if (line := _line(group, field.name, field.default)) is not None]
        if lines or type(group).table == "compare":
            parts += ["", f"[{type(group).table}]", *lines]
    return "\n".join(parts) + "\n"


def _line(group: Settings, name: str, default: object) -> str | None:
    """Return the line of a setting; None where it is at its default. A path that is there is made absolute."""
    value = getattr(group, name)
    if value == default and name not in _ALWAYS:
        return None
    if value is None:
        word = declared_of(hints_of(type(group))[name]).word_for_none
        return None if word is None else f"{name} = {to_toml(word)}"
    if name in _ALWAYS and Path(value).exists():
        value = str(Path(value).absolute())
    return f"{name} = {to_toml(value)}"
