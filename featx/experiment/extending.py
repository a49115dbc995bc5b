"""A search with more trials goes on from a shorter one: its trials are kept in the run that it left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from featx.errors import RunError
from featx.experiment.records import differing_parts, has_run
from featx.runs import Run, TrialRecord, read_run
from featx.training.trials import SearchTrial, read_trials, write_trials


def shorter_search(folder: Path, facts: dict[str, Any]) -> Run | None:
    """Return the run in `folder` if it is what `facts` ask for, but for fewer trials."""
    if not has_run(folder):
        return None
    try:
        run = read_run(folder)
    except RunError:
        return None
    there, wanted = run.record.settings, facts["settings"]
    fewer = isinstance(there.get("search"), int) and there["search"] < wanted["search"]
    alike = facts | {"settings": wanted | {"search": there.get("search")}}
    return run if fewer and not differing_parts(alike, run) else None


def go_on_from(run: Run, folder: Path) -> None:
    """Put the trials of `run` into the folder of a search, unless it has some of its own."""
    trials = run.record.selection.trials
    if run.record.settings.get("search") and trials and not read_trials(folder):
        write_trials(folder, [_trial(trial) for trial in trials])


def _trial(trial: TrialRecord) -> SearchTrial:
    return SearchTrial(
        params=dict(trial.params),
        score=trial.score,
        state=trial.state or "failed",
        scores=[score for score in trial.scores if score is not None],
        fit_seconds=trial.fit_seconds or 0.0,
        reason=trial.error,
        standard_error=trial.standard_error,
        log_loss=trial.log_loss,
    )
