"""Types of options, made from the declarations of settings: they check, say what they take, and complete in a shell."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import click
from click.shell_completion import CompletionItem

from featx.cli.completing import suggested
from featx.settings.declare import bare, bounds_of, declared_of, item_of
from featx.settings.text import from_text

#: Settings that are folders, where a shell offers no files.
_FOLDERS = ("results", "cache_dir")
#: Characters of a list of words that still stands after the name of an option.
_LONGEST = 60


class SettingType(click.ParamType):  # type: ignore[type-arg]
    """The type of the setting `name` with the annotation `hint`: a value, or several with commas between them."""

    def __init__(self, name: str, hint: Any) -> None:
        self.setting, self.hint = name, hint
        self.several = item_of(hint) is not None
        self.item = item_of(hint) if self.several else hint
        kind = bare(self.item)
        self.is_path = declared_of(hint).home or Path in (kind, *get_args(kind))
        words = [member.value for member in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []
        word = declared_of(hint).word_for_none
        self.words = [*words, word] if words and word else words
        plain = "PATH" if self.is_path else {int: "INTEGER", float: "NUMBER"}.get(kind, "TEXT")
        self.name = (listed(words) or ("NAME" if words else plain)) + (",…" if self.several else "")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value that a text stands for, as its declaration wants it."""
        return from_text(self.setting, value, self.hint) if isinstance(value, str) else value

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return what ``--help`` shows after the option."""
        return self.name

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the words that `incomplete`, or what stands after its last comma, may become."""
        if self.is_path:
            return [CompletionItem(incomplete, type="dir" if self.setting in _FOLDERS else "file")]
        done, comma, last = incomplete.rpartition(",") if self.several else ("", "", incomplete)
        words = self.words or suggested(declared_of(self.hint).suggestions)
        return [CompletionItem(f"{done}{comma}{word}") for word in words if word.lower().startswith(last.lower())]

    def describe_range(self) -> str | None:
        """Return the range of numbers as ``--help`` shows it."""
        bounds = bounds_of(self.item)
        low = next((f"{bounds[k]:g}{sign}" for k, sign in (("ge", "<="), ("gt", "<")) if k in bounds), "")
        high = next((f"{sign}{bounds[k]:.12g}" for k, sign in (("le", "<="), ("lt", "<")) if k in bounds), "")
        if low and not high:
            return f"x>={bounds['ge']:g}" if "ge" in bounds else f"x>{bounds['gt']:g}"
        return f"{low}x{high}" if low or high else None


def listed(words: Sequence[str]) -> str:
    """Return ``[a|b]`` to show after an option; nothing where that would be long, so that its help must name them."""
    shown = f"[{'|'.join(words)}]"
    return shown if words and len(shown) <= _LONGEST else ""


class ChoiceType(click.Choice):  # type: ignore[type-arg]
    """One word of several, with the declaration's check and message."""

    def __init__(self, name: str, hint: Any) -> None:
        super().__init__([member.value for member in bare(hint)], case_sensitive=False)
        self.setting, self.hint, self.words = name, hint, list(self.choices)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return what ``--help`` shows after the option."""
        return listed(self.words) or "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the member that a word names."""
        return from_text(self.setting, value, self.hint) if isinstance(value, str) else value


def type_of(name: str, hint: Any) -> click.ParamType:  # type: ignore[type-arg]
    """Return the type of the option for the setting `name`."""
    kind = bare(hint)
    return (ChoiceType if isinstance(kind, type) and issubclass(kind, Enum) else SettingType)(name, hint)
