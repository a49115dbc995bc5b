"""`Caveat`: what limits a statement, as an object with a code, so that nothing else has to read its prose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from featx.settings import CaveatCode


@dataclass(frozen=True)
class Caveat:
    """What a reader must know beside a number.

    Attributes
    ----------
    code : CaveatCode
        What kind it is: programs decide by it, and a report silences by it.
    text : str
        A clause without the method's name.
    method : str
        The method that it is about; empty where it is about all.
    """

    code: CaveatCode
    text: str
    method: str = ""


def caveat_lines(caveats: Iterable[Caveat]) -> list[str]:
    """Return one line a caveat, with its code; methods to which the same applies share one.

    Examples
    --------
    >>> caveat_lines([Caveat(CaveatCode.FAILED, "out of time", "lda"), Caveat(CaveatCode.FAILED, "out of time", "mlp")])
    ['lda, mlp: out of time [failed]']
    """
    methods: dict[tuple[CaveatCode, str], list[str]] = {}
    for caveat in caveats:
        methods.setdefault((caveat.code, caveat.text), []).append(caveat.method)
    return [
        f"{', '.join(filter(None, named))}: {text} [{code}]" if any(named) else f"{text} [{code}]"
        for (code, text), named in methods.items()
    ]
