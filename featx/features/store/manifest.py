"""The manifest of a shard: what its files must be, and how they came about.

A manifest carries the sha256 of its own content, so that a flipped bit in it is found too, and its numbers are
checked against each other before anything is read or memory is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from featx.data import DIGEST_BYTES
from featx.errors import StoreError
from featx.features.spec import FORMAT_VERSION
from featx.settings import CachePlace

#: Suffixes of a shard's files.
MANIFEST, FEATURES, CHECKS, DIGESTS = ".json", ".npy", ".checks", ".digests"
#: Bytes of a row's checksum.
_CHECK_BYTES = 8
#: Longest header that a version-1 ``.npy`` file can have.
_NPY_HEADER_LIMIT = 65_536 + 10


@dataclass(frozen=True)
class FileFacts:
    """Size in bytes and sha256 of a file."""

    size: int
    sha256: str

    def agree_with(self, blocks: Iterable[bytes]) -> bool:
        """Whether `blocks`, one after the other, are the file; reads all of them."""
        digest, size = sha256(), 0
        for block in blocks:
            digest.update(block)
            size += len(block)
        return (size, digest.hexdigest()) == (self.size, self.sha256)


@dataclass(frozen=True)
class Manifest:
    """What a shard holds.

    Attributes
    ----------
    rows, hidden_size : int
        Shape of the feature array; its dtype is always little-endian float32.
    features, checks, digests : FileFacts
    written : dict
        How the rows came about: device, versions, seconds. No part of their identity.
    """

    rows: int
    hidden_size: int
    features: FileFacts
    checks: FileFacts
    digests: FileFacts
    written: dict[str, Any] = field(default_factory=dict)

    @property
    def encode_seconds(self) -> float:
        """Seconds that encoding all rows took, 0 when unknown."""
        seconds = self.written.get("encode_seconds", 0.0)
        return float(seconds) if isinstance(seconds, int | float) else 0.0

    def to_bytes(self) -> bytes:
        """JSON, with the sha256 of its own content as the last key."""
        content = {
            "format_version": FORMAT_VERSION,
            "rows": self.rows,
            "hidden_size": self.hidden_size,
            "dtype": "<f4",
            "features": {"size": self.features.size, "sha256": self.features.sha256},
            "checks": {"size": self.checks.size, "sha256": self.checks.sha256},
            "digests": {"size": self.digests.size, "sha256": self.digests.sha256},
            "written": self.written,
        }
        return (json.dumps(content | {"sha256": _digest(content)}, indent=1) + "\n").encode()


def damaged_file(name: str, manifest: Manifest, blocks: Callable[[str], Iterable[bytes]]) -> str | None:
    """How a file of rows or of their checksums is not what was written, after reading every byte; None when both are.

    Parameters
    ----------
    name : str
        Of the shard.
    manifest : Manifest
    blocks : callable
        Content of the file with a suffix; none, or a part of it, where it cannot be read.
    """
    for suffix, facts in ((FEATURES, manifest.features), (CHECKS, manifest.checks)):
        if not facts.agree_with(blocks(suffix)):
            return f"{name + suffix} is not what was written"
    return None


def parse_manifest(data: bytes, path: CachePlace) -> Manifest | None:
    """Manifest in `data`, or None when it cannot be proven whole.

    Raises
    ------
    StoreError
        If it was written by a newer format version.
    """
    try:
        content = json.loads(data)
        stated = content.pop("sha256")
        version = content["format_version"]
        if isinstance(version, int) and version > FORMAT_VERSION and stated == _digest(content):
            raise StoreError(
                f"{path} has store format {version}, but this featx knows up to {FORMAT_VERSION}; "
                "update featx or choose another --cache-dir"
            )
        if stated != _digest(content) or version != FORMAT_VERSION or content["dtype"] != "<f4":
            return None
        manifest = Manifest(
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
