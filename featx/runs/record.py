"""`RunRecord`: everything about a run but its predictions and its model, as ``run.json`` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any

from featx.errors import RunError
from featx.runs.checks import check_record

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class SplitFacts:
    """Size, digest and class counts of a split."""

    n_texts: int
    digest: str
    class_counts: list[int]


@dataclass(frozen=True)
class Timings:
    """What a run cost, in seconds.

    Attributes
    ----------
    extract_seconds : float
        Encoding the texts of all splits; what came from the store counts with what it once cost. 0 for methods
        without features.
    fit_seconds : float
        Tuning and training.
    predict_seconds : float
        Predicting test, from what the method reads.
    predict_ms_per_text : float
        From a test text to its label, encoding included, in milliseconds.
    """

    extract_seconds: float
    fit_seconds: float
    predict_seconds: float
    predict_ms_per_text: float


@dataclass(frozen=True)
class RunRecord:
    """A finished run.

    Attributes
    ----------
    method, seed
        What was run.
    data : dict
        ``address``, ``revision``, ``notes``, and ``splits``: name to `SplitFacts`.
    checkpoint : dict or None
        Name, revision and digests; None for methods that use none.
    features : dict or None
        ``layer``, ``pooling``, ``max_length``, ``dtype``, ``spec``; None for methods without features.
    settings : dict
        What the user could choose: grid or Trainer settings.
    selection : dict
        ``chosen`` parameters and every trial, with the metric on validation.
    converged : bool or None
        Whether the optimiser of the chosen classifier ended by itself; None where that has no meaning.
    metrics : dict
        Split name to what `featx.evaluation.measure` gives.
    history : list of dict
        Loss and validation metrics by step.
    model_format : str or None
        ``skops`` or ``transformers``; None when no model was saved.
    failure : str or None
        Why the method has no result, for one that failed or ran out of time; then there are no metrics.
    control : str or None
        What was made meaningless on purpose (``random encoder``, ``shuffled labels``), for a sanity probe.
    under_trained : bool or None
        Whether training was still improving when it ended, or learned nothing; None where that has no meaning.
    peak_memory_bytes : int or None
        Highest memory of the process, or of the GPU, while the run was made.
    model_bytes : int or None
        Size of the saved model.
    """

    method: str
    seed: int
    label_names: list[str]
    data: dict[str, Any]
    checkpoint: dict[str, Any] | None
    features: dict[str, Any] | None
    settings: dict[str, Any]
    selection: dict[str, Any]
    converged: bool | None
    timings: Timings
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    model_format: str | None
    environment: dict[str, Any]
    created: str
    failure: str | None = None
    control: str | None = None
    under_trained: bool | None = None
    peak_memory_bytes: int | None = None
    model_bytes: int | None = None
    schema_version: int = field(default=SCHEMA_VERSION)

    def to_json(self) -> dict[str, Any]:
        """Plain dict for ``run.json``."""
        return asdict(self)

    @property
    def split_digest(self) -> str:
        """Digest of the test split: runs are compared only where it agrees."""
        return str(self.data["splits"]["test"]["digest"])

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two runs the same: see `identity_of`."""
        return identity_of(asdict(self))


def identity_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Method, seed, data digests, checkpoint digests, features and settings out of a run's facts."""
    checkpoint = facts["checkpoint"]
    return {
        "method": facts["method"],
        "seed": facts["seed"],
        "data": {name: split["digest"] for name, split in facts["data"]["splits"].items()},
        "checkpoint": checkpoint and {key: checkpoint[key] for key in ("digest", "tokenizer_digest")},
        "features": facts["features"],
        "settings": facts["settings"],
    }


def record_from_json(content: Any, source: str) -> RunRecord:
    """Record that ``run.json`` holds.

    Raises
    ------
    RunError
        If it is of a newer schema, or a field is missing or of a wrong kind.
    """
    if not isinstance(content, dict):
        raise RunError(f"{source} is no run: expected a JSON object")
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise RunError(f"{source} has schema {version}, but this featx knows up to {SCHEMA_VERSION}; update featx")
    missing = [f.name for f in fields(RunRecord) if f.name not in content and f.default is MISSING]
    if missing:
        raise RunError(f"{source} lacks {', '.join(missing)}; it is no run of featx, or it is broken")
    known = {f.name: content[f.name] for f in fields(RunRecord) if f.name in content}
    try:
        known["timings"] = Timings(**known["timings"])
        record = RunRecord(**known)
        check_record(record)
    except (TypeError, KeyError, AttributeError) as e:
        raise RunError(f"{source} is broken ({e}); run the method again") from e
    return record
