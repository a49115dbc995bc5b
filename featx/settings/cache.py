"""Where features are kept: a folder, or a place in an object store."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from featx.errors import SettingsError
from featx.settings.paths import home

#: Environment variable that names the cache folder.
CACHE_DIR_VARIABLE = "FEATX_CACHE_DIR"


@dataclass(frozen=True)
class CacheUrl:
    """A place in an object store, as ``s3://bucket/prefix``."""

    url: str

    def __truediv__(self, name: str) -> CacheUrl:
        return CacheUrl(f"{self.url}/{name}")

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """Return what stands after the last slash."""
        return self.url.rpartition("/")[2]


#: Where features are kept: a folder, or a place in an object store.
CachePlace = Path | CacheUrl


def cache_place(value: str | Path | CacheUrl) -> CachePlace:
    """Return a folder, or a place in an object store where `value` is a URL.

    Raises
    ------
    SettingsError
        If the URL carries a password or options, or is not one of an object store.

    Examples
    --------
    >>> cache_place("s3://bucket/featx/")
    CacheUrl(url='s3://bucket/featx')
    """
    if not isinstance(value, str) or "://" not in value:
        return value if isinstance(value, CacheUrl) else Path(home(os.fspath(value)))
    scheme, _, rest = value.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    if at and ":" in user:
        raise SettingsError(
            f"`cache_dir` is a {scheme}:// URL with a password in it; leave it out and give credentials by the "
            "environment or the configuration of the store's own tools",
            "cache_dir",
        )
    if "?" in rest or "#" in rest or "::" in value:
        raise SettingsError(
            f"`cache_dir` is a {scheme}:// URL with options; expected {scheme}://BUCKET/PREFIX alone", "cache_dir"
        )
    if scheme in ("file", "local", "http", "https", "ftp", "sftp", "ssh"):
        raise SettingsError(
            f"`cache_dir` is a {scheme}:// URL; expected a folder, or an object store such as s3://BUCKET/PREFIX",
            "cache_dir",
        )
    if not scheme or not rest.strip("/"):
        raise SettingsError(
            f"`cache_dir` is {value!r}, which names no bucket; expected such as s3://BUCKET/PREFIX", "cache_dir"
        )
    return CacheUrl(value.rstrip("/"))


def cache_folder(cache_dir: CachePlace | None) -> CachePlace:
    """Return `cache_dir`, else ``$FEATX_CACHE_DIR``, else the user's cache folder."""
    if cache_dir is not None:
        return cache_dir
    if stated := os.environ.get(CACHE_DIR_VARIABLE):
        return cache_place(stated)
    return _user_cache()


def local_folder(cache_dir: CachePlace) -> Path:
    """Return `cache_dir` where it is a folder, else the user's: for what must lie on a disk, as built checkpoints."""
    return cache_dir if isinstance(cache_dir, Path) else _user_cache()


def _user_cache() -> Path:
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("featx"))
