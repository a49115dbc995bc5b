"""``featx report``: compare the runs of one experiment and write its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from featx.config import ReportSettings
from featx.errors import RunError, SettingsError
from featx.report import FORMATS, Comparison, answer, check_metric, compare, render, write_report
from featx.runs import find_runs, read_run

__all__ = ["Reported", "answer", "check_format", "check_metric", "render", "report"]


@dataclass(frozen=True)
class Reported:
    """A comparison and the files that show it, the HTML page first."""

    comparison: Comparison
    files: list[Path]


def report(folders: Sequence[Path], settings: ReportSettings | None = None, output: Path | None = None) -> Reported:
    """Compare all runs in `folders` and write the report.

    Parameters
    ----------
    folders : sequence of Path
        Experiments, methods or single runs.
    settings : ReportSettings, optional
    output : Path, optional
        Where to write; ``report`` in the first folder when None.
    """
    if not folders:
        raise RunError("no results folder given; name one such as results/demo")
    runs = [read_run(path) for folder in folders for path in find_runs(folder)]
    comparison = compare(runs, settings)
    target = output or folders[0] / "report"
    return Reported(comparison, write_report(comparison, target, f"featx: {folders[0].resolve().name}"))


def check_format(name: str) -> None:
    """Check the name of a format before any work is done.

    Raises
    ------
    SettingsError
        If it is unknown; lists those that there are.
    """
    if name not in FORMATS:
        raise SettingsError(f"--format is {name!r}; expected one of: {', '.join(FORMATS)}")
