"""Experiment files: TOML, read with bounds, so that no file takes long to be refused."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from featx.errors import SettingsError

#: The path that stands for standard input.
STANDARD_INPUT = Path("-")
#: No experiment needs more; a file that is longer is another kind of file.
_MOST_BYTES = 256 * 1024
#: A key of ten parts or more: the tables of an experiment have no deeper names, and a parser takes long for thousands.
_DEEP_KEY = re.compile(r"""(?:(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){10}""")


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of an experiment file; of standard input where `path` is ``-``.

    Raises
    ------
    SettingsError
        If the file cannot be read, is larger than 256 KiB, or is no TOML.
    """
    where, content = name_of_file(path), _content(path)
    if len(content) > _MOST_BYTES:
        raise SettingsError(f"{where} has over {_MOST_BYTES // 1024} KiB; expected an experiment file")
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        for line in text.split("\n"):
            if _DEEP_KEY.match(line.lstrip(" \t[")):
                raise SettingsError(f"{where} has a key of ten parts or more; expected such as finetune.learning_rate")
        return tomllib.loads(text)
    except (ValueError, RecursionError) as e:  # of bytes, of TOML, or of a number with thousands of digits
        raise SettingsError(f"{where} is no TOML: {str(e)[:200]}") from e


def name_of_file(path: Path) -> str:
    """Return how messages name an experiment file."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def _content(path: Path) -> bytes:
    """Return the first bytes of a file, one more than an experiment file may have."""
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer.read(_MOST_BYTES + 1)
        if not path.is_file():
            raise SettingsError(f"{path} is {'no file' if path.exists() else 'not there'}; give an experiment file")
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as e:
        raise SettingsError(
            f"{path} cannot be read: {getattr(e, 'strerror', None) or e}; give an experiment file"
        ) from e
