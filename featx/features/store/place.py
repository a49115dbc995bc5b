"""Where the shards of one store lie: a folder on disk (`store.py`) or a bucket (`bucket.py`).

What differs is how files become visible; what a shard is does not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from featx.errors import StoreError
from featx.features.store.manifest import MANIFEST, Manifest
from featx.features.store.shard import SHARD_NAME_LENGTH, Digests, Features, Shard

#: Empty file whose time of change is that of the last use.
USED = "used"
#: The spec in words.
DESCRIPTION = "spec.json"


class CommittedShard(Shard, Protocol):
    """A shard with a manifest."""

    @property
    def manifest(self) -> Manifest:
        """What the shard holds."""


class Place(Protocol):
    """Where the shards of one store lie. Methods that write raise OSError."""

    def prepare(self, description: bytes) -> None:
        """Make the place, and say in words what it holds unless that is said."""

    def shards(self) -> Iterator[tuple[CommittedShard, Digests]]:
        """Shards that are proven whole, by name."""

    def commit(self, digests: Digests, features: Features, written: dict[str, Any]) -> Shard:
        """Write a shard, all or nothing."""

    def mark_used(self) -> None:
        """Let ``featx cache`` know that the store was in use now; one that cannot be written stays unmarked."""


def manifests(folder: Path) -> list[Path]:
    """Manifests in `folder`, sorted; files of other kinds and symbolic links are passed over."""
    length = SHARD_NAME_LENGTH + len(MANIFEST)
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if entry.name.endswith(MANIFEST) and len(entry.name) == length and entry.is_file(follow_symlinks=False)
            )
    except FileNotFoundError:
        return []
    except OSError as e:
        raise StoreError(f"the cache folder {folder} cannot be read: {e.strerror or e}") from e
    return [folder / name for name in names]
