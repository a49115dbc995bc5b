"""`compare`, `report` and `predict` with keyword arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from featx.api.arguments import changed, compute_settings, nothing_left, workspace
from featx.api.shown import Compared, Predicted, Runs
from featx.errors import RunError
from featx.runs import Run, find_runs, read_run
from featx.settings import ReportSettings

#: What stands for runs: a folder (experiment, method or run), a run, or what a method returned.
Results = str | Path | Run | Runs


def compare(*results: Results, **settings: Any) -> Compared:
    """Compare runs on the same test texts, best first.

    Parameters
    ----------
    *results : str, Path, Run or Runs
        Folders with runs in them, or what `baseline` and `finetune` returned.
    **settings
        Fields of `ReportSettings`: ``reference``, ``metric``, ``confidence``, ``n_resamples``.

    Returns
    -------
    Compared

    Raises
    ------
    RunError
        If there are no runs, or their test texts differ.
    """
    from featx.reporting import compare as work

    return Compared(work(_runs(results), changed(ReportSettings(), settings, "compare")))


def report(*results: str | Path, output: str | Path | None = None, **settings: Any) -> Compared:
    """Compare the runs in folders, and write tables, figures and an HTML page.

    Parameters
    ----------
    *results : str or Path
    output : str or Path, optional
        Folder to write to; ``report`` in the first folder when None.
    **settings
        Fields of `ReportSettings`.

    Returns
    -------
    Compared
        Its ``files`` are what was written, the page first.
    """
    from featx.experiment.report import report as work

    folders = [Path(folder) for folder in results]
    reported = work(folders, changed(ReportSettings(), settings, "report"), None if output is None else Path(output))
    return Compared(reported.comparison, tuple(reported.files))


def predict(run: Results, texts: str | Sequence[str], *, checkpoint: str | None = None, **options: Any) -> Predicted:
    """Labels and scores of texts by a finished run.

    Parameters
    ----------
    run : str, Path, Run or Runs
        One run.
    texts : str or sequence of str
    checkpoint : str, optional
        Where the run's checkpoint is now, when it has moved.
    **options
        ``device``, ``batch_tokens``, ``threads``; ``cache_dir``.

    Returns
    -------
    Predicted
    """
    from featx.experiment.predict import predict as work

    compute, where = compute_settings(options), workspace(options)
    nothing_left(options, "predict")
    wanted = [texts] if isinstance(texts, str) else list(texts)
    return Predicted(work(_folder(run), wanted, compute, where, checkpoint))


def _runs(results: Sequence[Results]) -> list[Run]:
    runs: list[Run] = []
    for result in results:
        if isinstance(result, Run):
            runs.append(result)
        elif isinstance(result, Runs):
            runs += result
        else:
            runs += [read_run(path) for path in find_runs(Path(result))]
    if not runs:
        raise RunError("no runs given; give a results folder such as results/demo, or what baseline returned")
    return runs


def _folder(run: Results) -> Path:
    if isinstance(run, Runs):
        if len(run) != 1:
            raise RunError(f"predict takes one run, but these are {len(run)}; choose one, such as runs[0]")
        run = run[0]
    return run.folder if isinstance(run, Run) else Path(run)
