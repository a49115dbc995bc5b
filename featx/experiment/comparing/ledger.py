"""``compare.json``: the looks at test, the steps with their times, and why a comparison ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import msgspec

from featx.errors import RunError
from featx.evaluation import Looks
from featx.files import write_file
from featx.runs import Run
from featx.settings import SELECTION_METRIC, ReportSettings

NAME = "compare.json"


@dataclass(frozen=True)
class StepTaken:
    """A step, what it was expected to take, and what it took, in seconds."""

    name: str
    forecast_seconds: float
    seconds: float


@dataclass(frozen=True)
class Ledger:
    """What a comparison keeps of itself beside its runs.

    Attributes
    ----------
    looks : Looks
    looked_at : tuple of str
        Digest of the runs that each look was at: looking at the same runs again is no new look.
    steps : tuple of StepTaken
        Of the last command.
    metric, margin : str, float
        By which every look was made.
    ended : str
        Why nothing more was done; empty while something is.
    budget_seconds : float or None
    seconds : float
        Of the last command.
    """

    looks: Looks
    looked_at: tuple[str, ...] = ()
    metric: str = SELECTION_METRIC
    margin: float = 0.0
    steps: tuple[StepTaken, ...] = ()
    ended: str = ""
    budget_seconds: float | None = None
    seconds: float = 0.0
    schema_version: int = field(default=1)

    def has_looked_at(self, runs: Sequence[Run]) -> bool:
        """Return whether the last look was at these runs."""
        return self.looked_at[-1:] == (digest_of(runs),)

    def looked(self, runs: Sequence[Run]) -> Ledger:
        """Return the ledger with a look at `runs`; as it is where the last look was at the same ones.

        Raises
        ------
        ValueError
            If no look is left.
        """
        if self.has_looked_at(runs):
            return self
        return replace(self, looks=self.looks.next(), looked_at=(*self.looked_at, digest_of(runs)))

    def shown(self, runs: Sequence[Run]) -> Looks:
        """Return the looks by which a report on `runs` may speak: with the next one, if there was none at them.

        Where no look is left, other runs than those that were looked at decide nothing: the level is used up.
        """
        if self.has_looked_at(runs):
            return self.looks
        return self.looks.next() if self.looks.left else replace(self.looks, levels=(*self.looks.levels, 0.0))


def digest_of(runs: Sequence[Run]) -> str:
    """Return a digest of the predictions of `runs`."""
    facts = sorted(
        (run.record.method, run.record.seed, run.record.fold or 0, str(run.record.predictions_digest)) for run in runs
    )
    return sha256(json.dumps(facts).encode()).hexdigest()


def read_ledger(folder: Path) -> Ledger | None:
    """Return the ledger of the experiment in `folder`; None where there is none.

    Raises
    ------
    RunError
        If it cannot be read: looks that are forgotten would make the answer surer than it is.
    """
    path = folder / NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ledger)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as e:
        raise RunError(f"{path} cannot be read ({e}); bring it back, or compare in another `experiment`") from e


def check_same_question(ledger: Ledger, settings: ReportSettings, folder: Path) -> None:
    """Check that a comparison goes on with the metric, margin and confidence of its earlier looks.

    Raises
    ------
    RunError
        If it does not: that would be another question, whose looks nobody counts.
    """
    asked = {"metric": settings.metric, "margin": settings.margin, "confidence": settings.confidence}
    was = {"metric": ledger.metric, "margin": ledger.margin, "confidence": round(1 - ledger.looks.level, 12)}
    other = [f"`{name}` {was[name]}" for name in asked if asked[name] != was[name]]
    if other:
        raise RunError(
            f"{folder} holds a comparison by {' and '.join(other)}; go on with that, or compare in another `experiment`"
        )


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Write the ledger.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    write_beside_runs(folder / NAME, json.dumps(asdict(ledger), indent=1) + "\n")


def write_beside_runs(path: Path, text: str) -> None:
    """Write a file into the folder of an experiment, as a whole.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, [text.encode()])
    except OSError as e:
        raise RunError(f"{path} cannot be written: {e.strerror or e}; free space or change `results`") from e
