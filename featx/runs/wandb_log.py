"""A run told to Weights & Biases: config, curves, confusion matrices, predictions.

What is sent is what is written here and nothing else: no command line, no environment, no host, no text. Whatever goes
wrong is one remark, never the end of a training. May import ``settings``, ``evaluation`` and ``runs``.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from featx.evaluation import Predictions
from featx.runs.record import RunRecord
from featx.settings import TrackingSettings, WandbMode

#: Rows of the table of predictions.
_MAX_ROWS = 10_000
#: Variable that names the folder below which wandb stages files.
_DATA_DIR = "WANDB_DATA_DIR"


def effective_mode(mode: WandbMode) -> WandbMode:
    """Return `mode`, unless the environment asks for less.

    ``$WANDB_MODE`` and ``$WANDB_DISABLED`` can keep a run offline or off, never send one.
    """
    stated = os.environ.get("WANDB_MODE", "").lower()
    disabled = os.environ.get("WANDB_DISABLED", "").lower() in ("1", "true", "yes", "on")
    if disabled or stated in ("disabled", "off"):
        return WandbMode.OFF
    return WandbMode.OFFLINE if stated in ("offline", "dryrun") and mode is WandbMode.ONLINE else mode


class WandbLog:
    """One run at Weights & Biases; does nothing when that is off, or once it has failed.

    Parameters
    ----------
    settings : TrackingSettings
    folder : Path
        Where wandb keeps its files.
    say : callable
        Told once if wandb fails.
    """

    def __init__(self, settings: TrackingSettings, folder: Path, say: Callable[[str], None]) -> None:
        self._mode = effective_mode(settings.wandb)
        self._project = settings.wandb_project
        self._folder = folder
        self._say = say
        self._run: Any = None

    def begin(self, name: str, group: str, config: Mapping[str, Any]) -> None:
        """Start a run called `name` in `group`."""
        if self._mode is not WandbMode.OFF:
            self._guarded(lambda: self._begin(name, group, config))

    def log(self, entry: Mapping[str, Any]) -> None:
        """Tell an entry of the Trainer's log, with its ``step``."""
        if self._run is not None:
            values = {_curve(key): value for key, value in entry.items() if key != "step" and value is not None}
            self._guarded(lambda: self._run.log(values, step=int(entry["step"])))

    def finish(self, record: RunRecord, predictions: Mapping[str, Predictions]) -> None:
        """Tell metrics, confusion matrices and predictions, and close the run."""
        if self._run is not None:
            self._guarded(lambda: self._finish(record, predictions))
        self._run = None

    def abandon(self) -> None:
        """Close a run whose training failed or was stopped."""
        if self._run is not None:
            self._guarded(lambda: self._run.finish(exit_code=1))
        self._run = None

    def _begin(self, name: str, group: str, config: Mapping[str, Any]) -> None:
        import wandb

        self._folder.mkdir(parents=True, exist_ok=True)
        private = wandb.Settings(
            x_disable_meta=True,
            x_disable_machine_info=True,
            x_disable_stats=True,
            disable_git=True,
            disable_code=True,
            x_save_requirements=False,
            console="off",
            silent=True,
            host="",
            program="",
            program_relpath="",
            init_timeout=30,
        )
        # An id from the environment is one for the whole process; seeds that shared it would become one run.
        stated = os.environ.get("WANDB_RUN_ID")
        with _nobody_to_ask():
            self._run = wandb.init(
                mode=self._mode.value,  # type: ignore[arg-type]
                project=self._project, name=name, group=group, config=dict(config),
                id=f"{stated}-{name}" if stated else None,
                dir=str(self._folder), settings=private, reinit="create_new",
            )  # fmt: skip

    def _finish(self, record: RunRecord, predictions: Mapping[str, Predictions]) -> None:
        import wandb

        run = self._run
        scalars = {
            f"{split}/{name}": value
            for split, metrics in record.metrics.items()
            for name, value in metrics.items()
            if isinstance(value, float)
        }
        run.summary.update(scalars | {"best_epoch": record.selection.best_epoch})
        shown: dict[str, Any] = {"predictions": _table(wandb, predictions)}
        for split, made in predictions.items():
            shown[f"{split}/confusion_matrix"] = wandb.plot.confusion_matrix(
                y_true=made.y_true.tolist(), preds=made.y_pred.tolist(), class_names=list(made.label_names),
                title=f"{record.method}, {split}",
            )  # fmt: skip
        with _nameless_staging(keep=self._mode is WandbMode.OFFLINE):
            run.log(shown)
            run.finish()

    def _guarded(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception as e:  # wandb, its service, the disk and the network raise many kinds
            self._mode, self._run = WandbMode.OFF, None
            first_line = (str(e).strip().splitlines() or [type(e).__name__])[0]
            self._say(f"Weights & Biases failed ({first_line}); the run goes on without it")


@contextmanager
def _nobody_to_ask() -> Iterator[None]:
    """Let wandb find no terminal to ask for a key at: a training must not wait for a person."""
    before = sys.stdin
    with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123
        sys.stdin = nothing
        try:
            yield
        finally:
            sys.stdin = before


@contextmanager
def _nameless_staging(keep: bool) -> Iterator[None]:
    """Let tables be staged in the system's temporary folder, since the run's file holds the path that they come from.

    wandb's own place is below the home folder, which names the user. What is staged stays there with `keep`: an offline
    run is uploaded from it.
    """
    before = os.environ.get(_DATA_DIR)
    folder = tempfile.mkdtemp(prefix="featx-wandb-")
    os.environ[_DATA_DIR] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ[_DATA_DIR]
        else:
            os.environ[_DATA_DIR] = before
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _curve(key: str) -> str:
    return f"validation/{key.removeprefix('eval_')}" if key.startswith("eval_") else f"train/{key}"


def _table(wandb: Any, predictions: Mapping[str, Predictions]) -> Any:
    first = next(iter(predictions.values()))
    names = first.label_names
    scores = [] if first.y_score is None else [f"score_{name}" for name in names]
    rows = []
    for split, made in predictions.items():
        for row in range(len(made)):
            values = [] if made.y_score is None else made.y_score[row].tolist()
            rows.append([split, row, names[made.y_true[row]], names[made.y_pred[row]], *values])
    return wandb.Table(columns=["split", "row", "y_true", "y_pred", *scores], data=rows[:_MAX_ROWS])
