"""``featx report``: compare the runs of one experiment and write its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from featx.errors import RunError, SettingsError
from featx.evaluation import Looks
from featx.experiment.comparing.ledger import read_ledger
from featx.reporting import FORMATS, Comparison, answer, check_metric, compare, render, write_report
from featx.runs import Run, SharedText, check_is_no_link, find_runs, put_together, read_run, read_shared, read_texts
from featx.settings import ReportSettings

__all__ = ["Comparison", "Reported", "answer", "check_format", "check_metric", "render", "report"]


@dataclass(frozen=True)
class Reported:
    """A comparison and the files that show it, the HTML page first."""

    comparison: Comparison
    files: list[Path]


def report(
    folders: Sequence[Path],
    settings: ReportSettings | None = None,
    output: Path | None = None,
    with_texts: bool = True,
) -> Reported:
    """Compare all runs in `folders` and write the report.

    Parameters
    ----------
    folders : sequence of Path
        Experiments, methods or single runs.
    settings : ReportSettings, optional
    output : Path, optional
        Where to write; ``report`` in the first folder when None.
    with_texts : bool
        Whether test texts are shown where they were kept; row numbers stand in for them otherwise.
    """
    if not folders:
        raise RunError("no results folder given; name one such as results/demo")
    found = dict.fromkeys(path for folder in folders for path in find_runs(folder))
    made = [read_run(path) for path in found]
    looks, runs = _looks(folders, made), put_together(made)
    comparison = compare(runs, settings, looks)
    target = output or folders[0] / "report"
    if output is None:
        check_is_no_link(target)
    title = " + ".join(dict.fromkeys(folder.resolve().name for folder in folders))
    texts = _texts(runs) if with_texts else None
    return Reported(comparison, write_report(comparison, target, title, runs, texts, _shared(runs)))


def _looks(folders: Sequence[Path], runs: Sequence[Run]) -> Looks | None:
    """Return the looks at test of the comparison that the only folder is of, if it is of one."""
    ledger = read_ledger(folders[0]) if len(folders) == 1 else None
    return None if ledger is None else ledger.shown(runs)


def _texts(runs: Sequence[Run]) -> list[str] | None:
    """Return the test texts that the experiment of any of the runs kept."""
    for run in runs:
        record, test = run.record, run.predictions.get("test")
        if test is not None:
            texts = read_texts(run.experiment, record.split_digest, test.y_true, record.label_names)
            if texts is not None:
                return texts
    return None


def _shared(runs: Sequence[Run]) -> list[SharedText] | None:
    """Return the test texts that are in the train split of any of the runs too; None where that was not kept."""
    found: dict[int, SharedText] = {}
    known = False
    for folder, test, train in dict.fromkeys(
        (r.experiment, r.record.split_digest, r.record.data.splits["train"].digest) for r in runs
    ):
        shared = read_shared(folder, test, train)
        known |= shared is not None
        for text in shared or ():
            found.setdefault(text.row, text)
    return [found[row] for row in sorted(found)] if known else None


def check_format(name: str) -> None:
    """Check the name of a format before any work is done.

    Raises
    ------
    SettingsError
        If it is unknown; lists those that there are.
    """
    if name not in FORMATS:
        raise SettingsError(f"`format` is {name!r}; expected one of: {', '.join(FORMATS)}")
