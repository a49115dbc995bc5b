"""The example that ``featx run --print-default`` writes: every setting with its default, and what it means."""

from __future__ import annotations

import json
from dataclasses import Field, fields
from enum import Enum
from pathlib import Path
from typing import Any

from featx.settings import GROUPS, CompareSettings
from featx.settings.base import Settings, hints_of
from featx.settings.declare import bare, declared_of, item_of, meta_of

_WIDTH = 44


def example() -> str:
    """Return a TOML file in which every value is the default; what has none stands in a comment."""
    parts = [
        "# An experiment of featx. Every value here is the default; leave out what you do not change.",
        "# featx run FILE.toml runs it, featx run FILE.toml --dry-run says what it would run.",
        "# Without [baseline] there are no classical methods, without [finetune] no fine-tuning; without both, both.",
        "# With [compare] the comparison decides itself what is run, as featx compare does.",
        "",
        "# seeds = [0, 1, 2]  # of baselines and fine-tuning alike, unless their tables say otherwise",
    ]
    for table, kind in GROUPS.items():
        lines = [f"[{table}]", *(_line(kind, setting) for setting in fields(kind))]
        if kind is CompareSettings:  # with it everything else is its matter
            lines = [f"# {line.removeprefix('# ')}" for line in lines]
        parts += ["", f"# {(kind.__doc__ or '').partition(chr(10))[0]}", *lines]
    return "\n".join(parts) + "\n"


def _line(kind: type[Settings], setting: Field[Any]) -> str:
    hint = hints_of(kind)[setting.name]
    declared, value = declared_of(hint), setting.default
    value = declared.word_for_none if value is None and declared.word_for_none else value
    shown = value if value is not None else "…" if declared.example is None else declared.example
    assignment = f"{setting.name} = {to_toml(shown)}"
    remark = meaning(kind, setting.name)
    return f"{'# ' if value is None else ''}{assignment}".ljust(_WIDTH) + f"  # {remark}"


def meaning(kind: type[Settings], name: str) -> str:
    """Return the sentence on a setting, with its choices and what is done where it is left out."""
    hint = hints_of(kind)[name]
    parts = [(meta_of(hint).description or "").rstrip(".")]
    words = bare(item_of(hint) if item_of(hint) is not None else hint)
    if isinstance(words, type) and issubclass(words, Enum):
        values = [member.value for member in words]
        if not all(value in parts[0] for value in values):
            parts.append(", ".join(values))
    if unset := declared_of(hint).unset:
        parts.append(f"left out: {unset}")
    return "; ".join(parts)


def to_toml(value: Any) -> str:
    """Return `value` as TOML writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(to_toml, value))}]"
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else repr(value)
