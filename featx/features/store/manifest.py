"""The manifest of a shard: which features it holds, what its files must be, and how they came about.

A manifest carries the sha256 of its own content, so that a flipped bit in it is found too, and its numbers are
checked against each other before anything is read or memory is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from featx.data import DIGEST_BYTES
from featx.errors import StoreError
from featx.settings import CachePlace

#: Suffixes of a shard's files.
MANIFEST, FEATURES, CHECKS, DIGESTS = ".json", ".npy", ".checks", ".digests"
#: Hex digits of a shard's name.
SHARD_NAME_LENGTH = 32
#: Version of a shard's format. Since 2 its manifest and its name hold the spec's name, and the checksum of a row the
#: digest of its text; shards of 1, written by featx 0.1, are read as well.
SHARD_VERSION = 2
#: Bytes that no manifest reaches; what is larger is somebody else's file.
MANIFEST_LIMIT = 1 << 20
#: Bytes of a row's checksum.
_CHECK_BYTES = 8
#: Longest header that a version-1 ``.npy`` file can have.
_NPY_HEADER_LIMIT = 65_536 + 10


@dataclass(frozen=True)
class FileFacts:
    """Size in bytes and sha256 of a file."""

    size: int
    sha256: str

    def agree_with(self, blocks: Iterable[bytes | memoryview]) -> bool:
        """Return whether `blocks`, one after the other, are the file; all of them are read."""
        return facts_of(blocks) == self


def facts_of(blocks: Iterable[bytes | memoryview]) -> FileFacts:
    """Return the facts of a file that consists of `blocks`."""
    digest, size = sha256(), 0
    for block in blocks:
        digest.update(block)
        size += len(block)
    return FileFacts(size, digest.hexdigest())


@dataclass(frozen=True)
class Manifest:
    """What a shard holds.

    Attributes
    ----------
    spec : str or None
        Name of the `FeatureSpec` whose features these are; None in shards of version 0.1, which do not say it.
    rows, hidden_size : int
        Shape of the feature array; its dtype is always little-endian float32.
    features, checks, digests : FileFacts
    written : dict
        How the rows came about: device, versions, seconds. No part of their identity.
    """

    spec: str | None
    rows: int
    hidden_size: int
    features: FileFacts
    checks: FileFacts
    digests: FileFacts
    written: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the shard: the digest of its spec and content."""
        identity = (self.spec or "") + self.features.sha256 + self.digests.sha256
        return sha256(identity.encode()).hexdigest()[:SHARD_NAME_LENGTH]

    @property
    def files(self) -> dict[str, FileFacts]:
        """The other files of the shard, by suffix."""
        return {FEATURES: self.features, CHECKS: self.checks, DIGESTS: self.digests}

    @property
    def encode_seconds(self) -> float:
        """Seconds that encoding all rows took, 0 when unknown."""
        seconds = self.written.get("encode_seconds", 0.0)
        return float(seconds) if isinstance(seconds, int | float) else 0.0

    def to_bytes(self) -> bytes:
        """Return JSON, with the sha256 of its own content as the last key."""
        content = {
            "format_version": SHARD_VERSION if self.spec else 1,
            **({"spec": self.spec} if self.spec else {}),
            "rows": self.rows,
            "hidden_size": self.hidden_size,
            "dtype": "<f4",
            "features": {"size": self.features.size, "sha256": self.features.sha256},
            "checks": {"size": self.checks.size, "sha256": self.checks.sha256},
            "digests": {"size": self.digests.size, "sha256": self.digests.sha256},
            "written": self.written,
        }
        return (json.dumps(content | {"sha256": _digest(content)}, indent=1) + "\n").encode()


def parse_manifest(data: bytes, path: CachePlace) -> Manifest | None:
    """Return the manifest in `data`, or None when it cannot be proven whole.

    Raises
    ------
    StoreError
        If it was written by a newer format version.
    """
    try:
        content = json.loads(data)
        stated = content.pop("sha256")
        version = content["format_version"]
        if isinstance(version, int) and version > SHARD_VERSION and stated == _digest(content):
            raise StoreError(
                f"{path} has store format {version}, but this featx knows up to {SHARD_VERSION}; "
                "update featx or choose another `cache_dir`"
            )
        if stated != _digest(content) or content["dtype"] != "<f4":
            return None
        manifest = Manifest(
            spec=content.get("spec"),
            rows=content["rows"],
            hidden_size=content["hidden_size"],
            features=FileFacts(**content["features"]),
            checks=FileFacts(**content["checks"]),
            digests=FileFacts(**content["digests"]),
            written=content["written"],
        )
        # Written again it must be the same bytes: then no bit of the file can have changed.
        return manifest if _is_consistent(manifest) and manifest.to_bytes() == data else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _digest(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_consistent(manifest: Manifest) -> bool:
    sizes = (manifest.features.size, manifest.checks.size, manifest.digests.size)
    numbers = (manifest.rows, manifest.hidden_size, *sizes)
    if not all(isinstance(n, int) and n > 0 for n in numbers) or not isinstance(manifest.written, dict):
        return False
    header = manifest.features.size - 4 * manifest.rows * manifest.hidden_size
    if not 0 < header <= _NPY_HEADER_LIMIT:
        return False
    return (
        manifest.digests.size == DIGEST_BYTES * manifest.rows and manifest.checks.size == _CHECK_BYTES * manifest.rows
    )
