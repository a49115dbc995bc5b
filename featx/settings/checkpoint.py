"""Which checkpoint is meant, and what is known of one that was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from featx.settings.base import Settings
from featx.settings.declare import setting

#: The checkpoint of the course that featx grew out of.
DEFAULT_CHECKPOINT = "distilbert-base-uncased"


@dataclass(frozen=True)
class CheckpointSettings(Settings, table="checkpoint", heading="Checkpoint"):
    """The encoder that gives the features and is fine-tuned: a Hub name, a folder, or demo."""

    checkpoint: Annotated[str, setting("Hub name, folder, or demo.", aliases=("name",), home=True)] = DEFAULT_CHECKPOINT
    revision: Annotated[
        str | None, setting("Branch, tag or commit of the checkpoint on the Hub.", unset="the newest")
    ] = None


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose content is known: found, and identified by digests.

    Attributes
    ----------
    name : str
        As the user wrote it: a Hub name, a folder, or ``demo``.
    path : str
        What ``from_pretrained`` takes: a folder or the Hub name.
    revision : str or None
        The Hub's commit; None for a folder.
    digest : str
        The Hub's commit, or the sha256 over weight files and config of a folder.
    tokenizer_digest : str
        The Hub's commit, or the sha256 over the tokenizer files of a folder.
    states : tuple
        Name, inode, size and times of each file of a folder when it was hashed; no part of what a checkpoint is.
    """

    name: str
    path: str
    revision: str | None
    digest: str
    tokenizer_digest: str
    states: tuple[tuple[str, int, int, int, int], ...] = field(default=(), compare=False, repr=False)
