"""How a setting is declared: once, on a field of a frozen dataclass, and everything else is derived from that line.

A field is ``Annotated[type, setting("help", …)]``. From it come the command line's option, the key in experiment
files, the Python keyword, the check of its value, the commented example, the JSON Schema, the documentation and the
setting's part in the identity of a run. May import ``errors``.
"""

from __future__ import annotations

import typing
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


def setting(
    help: str,  # noqa: A002  the word of click and argparse for it
    *,
    identity: Identity = Identity.NEVER,
    stored: str | None = None,
    aliases: tuple[str, ...] = (),
    unset: str | None = None,
    example: Any = None,
    heading: str | None = None,
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
    ge, gt, le, lt : float, optional
        Bounds of a number.
    """
    extra = {
        "identity": identity,
        "stored": stored,
        "aliases": aliases,
        "unset": unset,
        "example": example,
        "heading": heading,
    }
    bounds: dict[str, Any] = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    return Meta(description=help, extra=extra, **bounds)


#: What scikit-learn and numpy take as a seed.
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]


def meta_of(hint: Any) -> Meta:
    """Return what `setting` said of a field with the annotation `hint`; nothing where it said nothing."""
    for part in getattr(hint, "__metadata__", ()):
        if isinstance(part, Meta) and part.extra is not None:
            return part
    return Meta()


def bounds_of(meta: Meta) -> dict[str, Any]:
    """Return the bounds of a number that `meta` states, by their names in msgspec."""
    return {name: bound for name in ("ge", "gt", "le", "lt") if (bound := getattr(meta, name)) is not None}


def plain_type(hint: Any) -> Any:
    """Return `hint` in a form that msgspec checks: bounds go to the number, not to the number or None."""
    meta = meta_of(hint)
    bounds: dict[str, Any] = {
        name: bound for name in ("ge", "gt", "le", "lt") if (bound := getattr(meta, name)) is not None
    }
    if not hasattr(hint, "__metadata__"):
        return hint
    inner = hint.__origin__
    if not bounds:
        return inner
    arguments = typing.get_args(inner)
    if type(None) in arguments:
        (number,) = (part for part in arguments if part is not type(None))
        return Annotated[number, Meta(**bounds)] | None
    return Annotated[inner, Meta(**bounds)]
