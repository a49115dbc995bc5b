"""One finished method on one data set with one seed, as a folder that is complete or absent.

Knows of predictions and records, not of models. May import ``errors``, ``settings``, ``data``, ``evaluation``.
"""

from featx.runs.environment import environment
from featx.runs.folder import (
    Run,
    check_is_no_link,
    check_name,
    find_runs,
    read_run,
    run_folder,
    runs_in_the_way,
    write_run,
)
from featx.runs.folds import put_together
from featx.runs.record import (
    CheckpointFacts,
    ChosenFeatures,
    DataFacts,
    RunRecord,
    Selection,
    SplitFacts,
    Timings,
    TrialRecord,
    identity_of,
)
from featx.runs.texts import SharedText, keep_texts, read_shared, read_texts

__all__ = [
    "CheckpointFacts",
    "ChosenFeatures",
    "DataFacts",
    "Run",
    "RunRecord",
    "Selection",
    "SharedText",
    "SplitFacts",
    "Timings",
    "TrialRecord",
    "check_is_no_link",
    "check_name",
    "environment",
    "find_runs",
    "identity_of",
    "keep_texts",
    "put_together",
    "read_run",
    "read_shared",
    "read_texts",
    "run_folder",
    "runs_in_the_way",
    "write_run",
]
