"""The objects of a bucket through fsspec: put, get, list. The only module that imports fsspec.

A PUT shows the whole object or none of it. Credentials come from the environment or the configuration of the back end.
Errors are OSErrors whose `strerror` says what happened, without what the back end tells beyond the first line.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from featx.errors import SettingsError
from featx.features.store.place import Entry
from featx.settings import CacheUrl

#: What S3 answers a conditional PUT where the object is there, or is being written by another.
_REFUSALS = ("PreconditionFailed", "ConditionalRequestConflict", "409", "412")
#: What back ends call the time of an object's last change.
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "adl": "azure"}


class Objects:
    """Objects whose keys start with a prefix.

    Raises
    ------
    SettingsError
        If the package for this kind of URL is missing or no such kind is known.
    """

    def __init__(self, prefix: CacheUrl) -> None:
        self.prefix = prefix
        scheme = prefix.url.partition("://")[0]
        try:
            import fsspec.core

            self._fs, self._root = fsspec.core.url_to_fs(prefix.url)
        except ImportError as e:
            extra = _EXTRAS.get(scheme)
            remedy = f"pip install 'featx[{extra}]'" if extra else f"install the fsspec package for {scheme}://"
            raise SettingsError(f"`cache_dir` with {scheme}:// needs a package that is not installed; {remedy}") from e
        except ValueError as e:
            raise SettingsError(
                f"`cache_dir` with {scheme}://, which fsspec does not know; expected a folder, s3://, gs:// or az://"
            ) from e
        except Exception as e:  # credentials that the back end cannot read, by its own classes
            raise SettingsError(f"the cache {prefix} cannot be opened: {_first_line(e)}") from e

    def put(self, name: str, data: bytes) -> None:
        """Write an object, over one that is there."""
        with _calls():
            self._fs.pipe_file(self._key(name), data)

    def create(self, name: str, data: bytes) -> bool:
        """Write an object unless it is there or is being written by another; whether it was written."""
        try:
            with _calls():
                self._fs.pipe_file(self._key(name), data, mode="create")
        except FileExistsError:
            return False
        return True

    def get(self, name: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Bytes of an object, all or a range."""
        with _calls():
            return bytes(self._fs.cat_file(self._key(name), start=start, end=stop))

    def get_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Bytes of several objects, at once where the back end can; None for one that is not there."""
        if not names:
            return []
        keys = [self._key(name) for name in names]
        with _calls():
            found: dict[str, Any] = self._fs.cat(keys, on_error="return")
        return [self._value(found.get(key)) for key in keys]

    @staticmethod
    def _value(found: Any) -> bytes | None:
        if found is None or isinstance(found, FileNotFoundError):
            return None
        if isinstance(found, Exception):
            with _calls():
                raise found
        return bytes(found)

    def entries(self) -> dict[str, Entry | None]:
        """Return what lies directly under the prefix, by name: None for a prefix, such as a folder would be."""
        try:
            with _calls():
                self._fs.invalidate_cache(self._root)
                found = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return {}
        return {
            str(entry["name"]).rstrip("/").rpartition("/")[2]: (
                None if entry["type"] == "directory" else Entry(int(entry.get("size") or 0), _changed(entry))
            )
            for entry in found
        }

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        try:
            with _calls():
                self._fs.rm_file(self._key(name))
        except FileNotFoundError:
            return

    def _key(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


@contextmanager
def _calls() -> Iterator[None]:
    """What a back end raises becomes an OSError with `errno` and one line."""
    try:
        yield
    except FileExistsError:
        raise
    except FileNotFoundError as e:
        raise FileNotFoundError(errno.ENOENT, "there is no such bucket or object") from e
    except PermissionError as e:
        raise PermissionError(errno.EACCES, "no permission") from e
    except Exception as e:
        if _code(e) in _REFUSALS:
            raise FileExistsError(errno.EEXIST, "there is such an object") from e
        if "credentials" in str(e).lower():
            raise OSError(errno.EIO, "no credentials were found in the environment") from e
        raise OSError(errno.EIO, _first_line(e)) from e


def _changed(facts: dict[str, Any]) -> float:
    """Return seconds since the epoch, 0 where the back end does not tell."""
    when = next((facts[key] for key in _TIMES if facts.get(key)), None)
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            return 0.0
    if isinstance(when, datetime):
        return when.timestamp()
    return float(when) if isinstance(when, int | float) else 0.0


def _code(error: Exception) -> str:
    """S3's own word for an error: s3fs knows a refusal only where the answer names the condition, as few servers do."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
