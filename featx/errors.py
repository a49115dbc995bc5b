"""The exceptions of featx: one small tree, one clear line each.

Every message says what came, what was expected and what to do. Only ``featx.cli`` turns an exception into a
printed line and an exit code. Imports nothing of featx.
"""

from __future__ import annotations

import re
from collections.abc import Callable


class FeatxError(Exception):
    """Base of every error that featx raises on purpose; `StoppedError`, which is no failure, stands beside it.

    Messages write settings in backquotes, as `max_length`; each way in spells them its own way, see `spelled`.

    Attributes
    ----------
    exit_code : int
        What the command line leaves with: 1 when the work failed, 2 when the request itself was wrong.
    """

    exit_code = 1

    def spelled(self, spell: Callable[[str], str | None]) -> str:
        """Return the message with each setting as `spell` writes it; names that it does not know stay as they are.

        Examples
        --------
        >>> SettingsError("`layer` is 99; expected 0 to 6", "layer").spelled({"layer": "--layer"}.get)
        '--layer is 99; expected 0 to 6'
        """
        return spelled(str(self), spell)


class FeatxWarning(UserWarning):
    """Something that a user should know of and that does not stop the work; settings are written as in errors."""

    def spelled(self, spell: Callable[[str], str | None]) -> str:
        """Return the message with each setting as `spell` writes it."""
        return spelled(str(self), spell)


def spelled(message: str, spell: Callable[[str], str | None]) -> str:
    """Return `message` with each setting in backquotes as `spell` writes it.

    A switch with its value, as "`header` false", is first asked for as one: ``spell("header false")``.

    Examples
    --------
    >>> spelled("give `header` false or `layer` 0", {"header false": "--no-header", "layer": "--layer"}.get)
    'give --no-header or --layer 0'
    """

    def written(found: re.Match[str]) -> str:
        name, value = found[1], found[2] or ""
        return (value and spell(name + value)) or (spell(name) or f"`{name}`") + value

    return re.sub(r"`([a-z][a-z_0-9]*)`( (?:true|false)\b)?", written, message)


class SettingsError(FeatxError):
    """A setting has a value that it cannot have.

    Parameters
    ----------
    message : str
    setting : str, optional
        The name of the setting that it is about.
    """

    exit_code = 2

    def __init__(self, message: str, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting


class DataError(FeatxError):
    """A data set cannot be read or breaks a rule that featx relies on."""


class CheckpointError(FeatxError):
    """A checkpoint is missing, is no encoder, or does not fit the request."""


class ExtractionError(FeatxError):
    """Texts could not be turned into features."""


class StoreError(FeatxError):
    """The feature store cannot be read or written."""


class TrainingError(FeatxError):
    """A classifier or a fine-tuning could not be fitted."""


class DivergedError(TrainingError):
    """A training whose loss or scores became no numbers."""


class RunError(FeatxError):
    """A results folder is missing, broken or does not fit its neighbours."""


class StoppedError(BaseException):
    """Work was ended by a signal, after what could be kept was kept.

    Like ``KeyboardInterrupt`` it is no ``Exception``: a signal may come anywhere in any library, and nothing that
    catches failures may take it for one.

    Parameters
    ----------
    message : str
    signum : int
        The signal; the command line leaves with 128 + `signum`, as a shell reports it.
    """

    def __init__(self, message: str, signum: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signum
