"""The objects of a bucket through obstore: put, get, list. The only module that imports obstore.

A PUT shows the whole object or none of it. Credentials come from the environment, the machine's own identity, or, for
S3 where boto3 is installed, its configuration files. Errors are OSErrors whose `strerror` says what happened, in one
line and without the secrets that a URL may carry.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from featx.errors import SettingsError
from featx.features.store.place import Entry
from featx.settings import CacheUrl

_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "azure": "azure",
    "abfs": "azure",
    "abfss": "azure",
}
#: Requests that are under way at once.
_AT_ONCE = 16
_RETRIES = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
#: What the text of an error without a class of its own says.
_NO_BUCKET, _NO_PERMISSION = re.compile(r"\b404\b|NoSuchBucket"), re.compile(r"\b40[13]\b")


def _obstore() -> Any:
    import obstore

    return obstore


@cache  # its connections are kept and shared by all stores of a bucket
def _bucket(root: str) -> Any:
    """Return the bucket at ``scheme://name``."""
    import obstore.store

    root = root.replace("gcs://", "gs://")
    if root.startswith("memory://"):
        return obstore.store.MemoryStore()
    options: dict[str, Any] = {"retry_config": _RETRIES}
    if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
        options["client_options"] = {"allow_http": True}
    if root.startswith(("s3://", "s3a://")) and "AWS_ACCESS_KEY_ID" not in os.environ:
        try:
            from obstore.auth.boto3 import Boto3CredentialProvider

            options["credential_provider"] = Boto3CredentialProvider()
        except (ImportError, ValueError):  # no boto3, or nothing in its files: the machine's own identity
            pass
    return obstore.store.from_url(root, **options)


class Objects:
    """Objects whose keys start with a prefix.

    Raises
    ------
    SettingsError
        If the package is missing, no such kind of URL is known, or the environment says too little.
    """

    def __init__(self, prefix: CacheUrl) -> None:
        self.prefix = prefix
        scheme, _, path = prefix.url.partition("://")
        name, _, self._root = path.partition("/")
        try:
            import obstore.exceptions

            self._bucket = _bucket(f"{scheme}://{name}")
        except ImportError as e:
            extra = _EXTRAS.get(scheme, "s3")
            raise SettingsError(
                f"`cache_dir` with {scheme}:// needs a package that is not installed; pip install 'featx[{extra}]'",
                "cache_dir",
            ) from e
        except (obstore.exceptions.BaseError, ValueError) as e:
            if "recognise" in str(e):
                raise SettingsError(
                    f"`cache_dir` with {scheme}:// is not known; expected a folder, s3://, gs:// or az://", "cache_dir"
                ) from e
            raise SettingsError(f"the cache {prefix} cannot be opened: {_line(e)}", "cache_dir") from e

    def put(self, name: str, data: bytes) -> None:
        """Write an object, over one that is there."""
        with _calls():
            _obstore().put(self._bucket, self._key(name), data)

    def create(self, name: str, data: bytes) -> bool:
        """Write an object unless it is there or is being written by another; whether it was written."""
        try:
            with _calls():
                _obstore().put(self._bucket, self._key(name), data, mode="create")
        except FileExistsError:
            return False
        return True

    def get(self, name: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return bytes of an object, all or a range; fewer where it ends within the range."""
        obstore = _obstore()
        with _calls():
            if stop is None:
                return bytes(obstore.get(self._bucket, self._key(name)).bytes())
            return bytes(obstore.get_range(self._bucket, self._key(name), start=start, end=stop))

    def get_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of several objects, asked for at once; None for one that is not there."""

        def one(name: str) -> bytes | None:
            try:
                return self.get(name)
            except FileNotFoundError:
                return None

        if len(names) < 2:
            return [one(name) for name in names]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(one, names))

    def entries(self) -> dict[str, Entry | None]:
        """Return what lies directly under the prefix, by name: None for a prefix, such as a folder would be."""
        try:
            with _calls():
                found = _obstore().list_with_delimiter(self._bucket, self._root or None)
        except FileNotFoundError:
            return {}
        named: dict[str, Entry | None] = {path.rpartition("/")[2]: None for path in found["common_prefixes"]}
        for entry in found["objects"]:
            named[entry["path"].rpartition("/")[2]] = Entry(entry["size"], entry["last_modified"].timestamp())
        return named

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        try:
            with _calls():
                _obstore().delete(self._bucket, self._key(name))
        except FileNotFoundError:
            return

    def _key(self, name: str) -> str:
        return f"{self._root}/{name}".lstrip("/")


@contextmanager
def _calls() -> Iterator[None]:
    """Turn what obstore raises into an OSError with `errno` and one line."""
    import obstore.exceptions as raised

    try:
        yield
    except raised.AlreadyExistsError as e:
        raise FileExistsError(errno.EEXIST, "there is such an object") from e
    except FileNotFoundError as e:
        raise FileNotFoundError(errno.ENOENT, "there is no such bucket or object") from e
    except (raised.PermissionDeniedError, raised.UnauthenticatedError) as e:
        raise PermissionError(errno.EACCES, "no permission") from e
    except (raised.BaseError, ValueError) as e:
        line = _line(e)
        if _NO_PERMISSION.search(line):  # listing has no error of its own for these
            raise PermissionError(errno.EACCES, "no permission") from e
        if _NO_BUCKET.search(line):
            raise OSError(errno.EIO, "there is no such bucket") from e
        raise OSError(errno.EIO, line) from e


def _line(error: Exception) -> str:
    """Return the first line of a message, without what a URL asks for: that may be a signature."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"\?\S*", "", first)
