"""`Family`: what kind of method a method is, so that nobody has to tell it from its name."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """What a method reads, or what was made meaningless in it on purpose."""

    CHANCE = "chance"
    WORDS = "words"
    STATIC = "static"
    FROZEN = "frozen"
    FINE_TUNED = "fine-tuned"
    CONTROL = "control"

    @property
    def is_classical(self) -> bool:
        """Whether it is a rival of fine-tuning: it learns from the texts and trains no encoder."""
        return self in (Family.WORDS, Family.STATIC, Family.FROZEN)
