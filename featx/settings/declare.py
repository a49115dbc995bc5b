"""How a setting is declared: once, on a field of a frozen dataclass, and everything else is derived from that line.

A field is ``Annotated[type, setting("help", …)]``. From it come the command line's option, the key in experiment
files, the Python keyword, the check of its value, the commented example, the JSON Schema, the documentation and the
setting's part in the identity of a run. May import ``errors``.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta


class Identity(StrEnum):
    """Whether a setting's value is part of what identifies a run.

    ``unless-default`` is for settings that came later and whose default is what was done before: runs made before
    they existed keep their identity.
    """

    ALWAYS = "always"
    UNLESS_DEFAULT = "unless-default"
    NEVER = "never"


@dataclass(frozen=True)
class Declared:
    """What is known of a setting beside its name, type, default, help and bounds; see `setting`."""

    identity: Identity = Identity.NEVER
    stored: str | None = None
    aliases: tuple[str, ...] = ()
    unset: str | None = None
    example: Any = None
    heading: str | None = None
    word_for_none: str | None = None
    home: bool = False
    suggestions: str | None = None
    counts_with: tuple[str, Any] | None = None
    unit: str | None = None


def setting(
    help: str,  # noqa: A002  the word of click and argparse for it
    *,
    identity: Identity = Identity.NEVER,
    stored: str | None = None,
    aliases: tuple[str, ...] = (),
    unset: str | None = None,
    example: Any = None,
    heading: str | None = None,
    word_for_none: str | None = None,
    home: bool = False,
    suggestions: str | None = None,
    counts_with: tuple[str, Any] | None = None,
    unit: str | None = None,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
) -> Meta:
    """Return what is known of a setting beside its name, type and default.

    Parameters
    ----------
    help : str
        One sentence, shown by ``--help``, in the example file, in the schema and in the documentation.
    identity : Identity
    stored : str, optional
        The name under which run records keep it, where that is another one.
    aliases : tuple of str
        Names of version 0.1, still read from experiment files and Python.
    unset : str, optional
        What is done when the value is None, in words: "the checkpoint's limit".
    example : optional
        A value to show where the default is None.
    heading : str, optional
        Heading of ``--help`` that it stands under; that of its group when None.
    word_for_none : str, optional
        The word by which command line, files and Python ask for None: "all".
    home : bool
        Whether a leading ``~`` stands for the home folder, since the value may be a path.
    suggestions : str, optional
        Name of the list in ``featx.cli.completing`` that a shell completes the value from.
    counts_with : (str, value), optional
        Another field and the value that it must have for this one to be part of the identity.
    unit : str, optional
        What a number counts, for messages: "folds".
    ge, gt, le, lt : float, optional
        Bounds of a number.
    """
    declared = Declared(
        identity, stored, aliases, unset, example, heading, word_for_none, home, suggestions, counts_with, unit
    )
    bounds: dict[str, Any] = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    return Meta(description=help, extra={"declared": declared}, **bounds)


#: What scikit-learn and numpy take as a seed.
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]


def meta_of(hint: Any) -> Meta:
    """Return what `setting` said of a field with the annotation `hint`; nothing where it said nothing."""
    for part in getattr(hint, "__metadata__", ()):
        if isinstance(part, Meta) and part.extra is not None:
            return part
    return Meta()


def declared_of(hint: Any) -> Declared:
    """Return the `Declared` of a field with the annotation `hint`."""
    extra = meta_of(hint).extra or {}
    found: Declared = extra.get("declared", Declared())
    return found


def bounds_of(hint: Any) -> dict[str, Any]:
    """Return the bounds of a number, or of the numbers of a sequence, by their names in msgspec."""
    bounds: dict[str, Any] = {}
    while hasattr(hint, "__metadata__"):
        for part in hint.__metadata__:
            if isinstance(part, Meta):
                bounds |= {n: b for n in ("ge", "gt", "le", "lt") if (b := getattr(part, n)) is not None}
        hint = hint.__origin__
    return bounds


def bare(hint: Any) -> Any:
    """Return the type of `hint` without annotations and without None.

    Examples
    --------
    >>> bare(Annotated[int | None, Meta(ge=1)])
    <class 'int'>
    """
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        wanted = [part for part in typing.get_args(hint) if part is not type(None)]
        return bare(wanted[0]) if len(wanted) == 1 else typing.Union[tuple(wanted)]  # noqa: UP007  of any number
    return hint


def is_optional(hint: Any) -> bool:
    """Return whether None is among the values of `hint`."""
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    return type(None) in typing.get_args(hint)


def item_of(hint: Any) -> Any:
    """Return the annotation of the items where `hint` is a sequence, else None."""
    wanted = bare(hint)
    return typing.get_args(wanted)[0] if typing.get_origin(wanted) is tuple else None


def plain_type(hint: Any) -> Any:
    """Return `hint` in a form that msgspec checks: bounds go to the number, not to the number or None."""
    wanted, bounds = bare(hint), bounds_of(hint)
    if bounds and item_of(hint) is None:
        wanted = Annotated[wanted, Meta(**bounds)]
    return wanted | None if is_optional(hint) else wanted
