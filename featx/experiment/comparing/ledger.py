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
    ended : str
        Why nothing more was done; empty while something is.
    budget_seconds : float or None
    seconds : float
        Of the last command.
    """

    looks: Looks
    looked_at: tuple[str, ...] = ()
    steps: tuple[StepTaken, ...] = ()
    ended: str = ""
    budget_seconds: float | None = None
    seconds: float = 0.0
    schema_version: int = field(default=1)

    def looked(self, runs: Sequence[Run], *, is_last: bool) -> Ledger:
        """Return the ledger with a look at `runs`; as it is where the last look was at the same ones."""
        digest = digest_of(runs)
        if self.looked_at and self.looked_at[-1] == digest:
            return self
        return replace(self, looks=self.looks.next(is_last=is_last), looked_at=(*self.looked_at, digest))


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


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Write the ledger.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / NAME, [json.dumps(asdict(ledger), indent=1).encode() + b"\n"])
    except OSError as e:
        raise RunError(f"{folder / NAME} cannot be written: {e.strerror or e}; free space or change `results`") from e
