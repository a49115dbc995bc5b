"""Write featx/settings/keywords.py, the types of keyword arguments: ``python docs/make_keywords.py``.

A test fails when it is not current.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, get_args

from featx.settings import GROUPS
from featx.settings.base import Settings, hints_of
from featx.settings.declare import bare, declared_of, is_optional, item_of, meta_of

TARGET = Path(__file__).parent.parent / "featx" / "settings" / "keywords.py"
#: Public functions, and the groups of settings that their keywords come from.
CALLS = {
    "load_dataset": ("data",),
    "session": ("data", "checkpoint", "compute", "ray", "workspace"),
    "extract": ("data", "checkpoint", "features", "compute", "ray", "workspace"),
    "baseline": ("data", "checkpoint", "features", "baseline", "compute", "ray", "workspace"),
    "finetune": ("data", "checkpoint", "finetune", "saving", "tracking", "compute", "ray", "workspace"),
    "compare": ("data", "checkpoint", "compare", "features", "report", "compute", "ray", "workspace"),
    "report": ("report",),
    "predict": ("compute",),
}
#: Settings that are no keywords, since functions take them by position.
POSITIONAL = ("dataset", "checkpoint")
_HEAD = '''"""Types of keyword arguments, made from the declarations by ``docs/make_keywords.py``; do not edit by hand.

``**settings: Unpack[BaselineCall]`` lets editors and mypy see every setting that a function takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Literal, TypedDict

from featx.settings.cache import CacheUrl
from featx.settings.choices import (
{choices}
)
'''


def page() -> str:
    """Return the module."""
    kinds: set[str] = set()
    parts = []
    for table, kind in GROUPS.items():
        parts.append(_typed_dict(f"{table.title()}Keywords", kind, kinds))
    parts += [_call(name, tables) for name, tables in CALLS.items()]
    choices = "\n".join(f"    {name}," for name in sorted(kinds))
    lines = "".join(f'    "{_title(name)}": {tables!r},\n' for name, tables in CALLS.items())
    parts.append(
        f"#: Groups of settings that the keywords of a call come from.\nCALLS = {{\n{lines}}}".replace("'", '"')
    )
    return "\n\n\n".join([_HEAD.format(choices=choices).rstrip("\n"), *parts]) + "\n"


def _typed_dict(name: str, kind: type[Settings], kinds: set[str]) -> str:
    lines = [f"class {name}(TypedDict, total=False):", f'    """{(kind.__doc__ or "").partition(chr(10))[0]}"""', ""]
    for setting, hint in hints_of(kind).items():
        if setting in POSITIONAL:
            continue
        lines += [f"    #: {meta_of(hint).description}", f"    {setting}: {_type(hint, kinds)}"]
    return "\n".join(lines)


def _call(name: str, tables: tuple[str, ...]) -> str:
    owners: dict[str, str] = {}
    for table in tables:
        for setting in hints_of(GROUPS[table]):
            assert owners.setdefault(setting, table) == table, f"{name}: {setting} of {owners[setting]} and {table}"
    bases = ", ".join(f"{table.title()}Keywords" for table in tables)
    return f'class {_title(name)}({bases}, total=False):\n    """Keywords of `featx.{name}`."""'


def _title(name: str) -> str:
    return "".join(word.title() for word in name.split("_")) + "Call"


def _type(hint: Any, kinds: set[str]) -> str:
    item = item_of(hint)
    one = _one(bare(item if item is not None else hint), kinds)
    if declared_of(hint).home or "PathLike" in one:
        one = "str | PathLike[str]" + (" | CacheUrl" if "CacheUrl" in one else "")
    parts = [one, f"Sequence[{one}]"] if item is not None else [one]
    if word := declared_of(hint).word_for_none:
        parts.append(f'Literal["{word}"]')
    return " | ".join([*parts, *(["None"] if is_optional(hint) else [])])


def _one(kind: Any, kinds: set[str]) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        kinds.add(kind.__name__)
        words = ", ".join(f'"{member.value}"' for member in kind)
        return f"{kind.__name__} | Literal[{words}]"
    if Path in (kind, *get_args(kind)):
        return "PathLike | CacheUrl" if get_args(kind) else "PathLike"
    return str(kind.__name__)


if __name__ == "__main__":
    TARGET.write_text(page(), "utf-8")
