"""The line that stands for an exception."""

from __future__ import annotations

from featx.cli import verbosity
from featx.errors import FeatxError

_LONGEST = 500


def words_of(error: BaseException) -> str:
    """Return one line: for an error of featx its own words, else what was done, what failed and how to see more."""
    if isinstance(error, FeatxError):
        return error.spelled(spelling())
    hint = "" if verbosity.is_verbose() else "; see more with --verbose"
    return f"{_command()} failed: {_reason(error)}; what was finished is kept{hint}"


def _reason(error: BaseException) -> str:
    """Return the kind of an unforeseen error and the first line of its message."""
    if isinstance(error, MemoryError):
        return "out of memory, lower --batch-tokens or use fewer layers"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'input/output'}: {error.strerror}"
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first[:_LONGEST]}" if first else type(error).__name__


#: The words of a command line that name its command, kept for the line of an error.
_words: list[str] = []


def remember(command: str) -> None:
    """Keep the name of the command that runs, such as ``cache verify``."""
    _words[:] = [command]


def _command() -> str:
    return _words[0] if _words else "featx"


def spelling() -> _Spelling:
    """Return how this command writes the names of settings."""
    return _Spelling("run" in _words)


#: Options that are no settings.
_OF_COMMANDS = ("format", "splits", "output", "map", "figures", "input", "older_than", "max_size", "escape_formulas")


class _Spelling:
    """Settings as ``--max-length``, and in the command that reads an experiment file as ``features.max_length``."""

    def __init__(self, of_file: bool) -> None:
        self._of_file = of_file

    def __call__(self, name: str) -> str | None:
        from featx.settings import GROUPS, PredictionSettings, WorkspaceSettings, names_of

        name, _, switched = name.partition(" ")
        if switched:
            option = self(name) or ""
            start = "--no-" if switched == "false" else "--"
            return start + option.removeprefix("--") if option.startswith("--") else None
        if name in _OF_COMMANDS:
            return "--" + name.replace("_", "-")
        tables = [table for table, kind in GROUPS.items() if name in names_of(kind)]
        if not tables and name in names_of(PredictionSettings):
            return "--" + name.replace("_", "-")
        if not tables:
            return None
        if self._of_file and tables != [WorkspaceSettings.table]:
            return f"{tables[0]}.{name}" if len(tables) == 1 else name
        return "--" + name.replace("_", "-")
