"""`RunRecord`: everything about a run but its predictions and its model, as ``run.json`` holds it (schema 2).

How files are read, of this schema and of earlier ones, is in `featx.runs.reading`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from featx.errors import RunError
from featx.evaluation import Caveat, Family
from featx.settings import SELECTION_METRIC, CaveatCode, Dtype

SCHEMA_VERSION = 2
#: Names that are fit to be a folder's: nothing that leads elsewhere, on any system.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")

Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Number = int | float
Cost = Annotated[float, Meta(ge=0)]
#: Name of a metric to its value; no entry, or None, where it is undefined. Also ``per_class`` and ``confusion_matrix``.
Metrics = dict[str, Number | dict[str, dict[str, Number]] | list[list[Whole]] | None]


@dataclass(frozen=True)
class SplitFacts:
    """Size, digest and class counts of a split."""

    n_texts: Whole
    digest: str
    class_counts: tuple[Whole, ...]


@dataclass(frozen=True)
class DataFacts:
    """What a run was made on.

    Attributes
    ----------
    address : str
    revision : str or None
        The Hub's commit.
    notes : tuple of str
        What was found or done when it was loaded.
    splits : dict of str to SplitFacts
        ``train``, ``validation`` and ``test``.
    shared_test_rows : tuple of int or None
        Rows of test whose text stands in train as well; None where that was not recorded.
    """

    address: str
    revision: str | None
    notes: tuple[str, ...]
    splits: dict[str, SplitFacts]
    shared_test_rows: tuple[Whole, ...] | None = None

    def __post_init__(self) -> None:
        lacking = [name for name in ("train", "validation", "test") if name not in self.splits]
        if lacking:
            raise ValueError(f"Object missing required field `splits.{lacking[0]}`")

    @property
    def test(self) -> SplitFacts:
        """Facts of the split that everything is measured on."""
        return self.splits["test"]

    @property
    def is_all_shared(self) -> bool:
        """Whether every test text stands in train as well."""
        return len(set(self.shared_test_rows or ())) >= self.test.n_texts > 0


@dataclass(frozen=True)
class CheckpointFacts:
    """Name, commit and digests of a checkpoint; not its folder, which is one machine's."""

    name: str
    revision: str | None
    digest: str
    tokenizer_digest: str


@dataclass(frozen=True)
class ChosenFeatures:
    """The features that a classifier reads.

    Attributes
    ----------
    layer : int or str
        ``concat`` for several side by side.
    pooling : str
    kinds : tuple of int
        Their positions among the kinds of features that the record lists.
    long : str or None
        How long texts are read, where that was chosen or is not cut.
    """

    layer: Whole | str | None
    pooling: str
    kinds: tuple[Whole, ...] = ()
    long: str | None = None


@dataclass(frozen=True)
class TrialRecord:
    """One setting that was tried on validation: of a grid, or of a search.

    Attributes
    ----------
    params : dict
    score : float or None
        Of the selection metric; None for a trial that has none.
    fit_seconds : float or None
    layer, pooling : int or str, str
        The features that it read; None for texts.
    n_iter, max_iter : int or None
        Iterations of the optimiser, and its limit.
    converged : bool or None
    error : str or None
        Why it failed.
    state : str or None
        Of a trial of a search: ``complete``, ``pruned`` or ``failed``.
    scores : tuple of float
        By epoch.
    standard_error, log_loss : float or None
    long : str or None
        How the features that it read treat long texts, where that was chosen.
    """

    params: dict[str, Any] = field(default_factory=dict)
    score: float | None = None
    fit_seconds: Cost | None = None
    layer: int | str | None = None
    pooling: str | None = None
    n_iter: Whole | None = None
    max_iter: Whole | None = None
    converged: bool | None = None
    error: str | None = None
    state: str | None = None
    scores: tuple[float | None, ...] = ()
    standard_error: float | None = None
    log_loss: float | None = None
    long: str | None = None


@dataclass(frozen=True)
class Selection:
    """What was chosen, by what, and among what.

    Attributes
    ----------
    metric, split : str
        By which metric on which texts.
    chosen : dict
        The parameters.
    summary : str
        The same for people.
    score : float or None
        Of the chosen trial.
    features : ChosenFeatures or None
        None for methods that read texts.
    trials : tuple of TrialRecord
    n_iter, max_iter : int or None
    best_epoch, best_score, last_epoch : float or None
        Of a fine-tuning.
    truncated : dict of str to int
        Texts of each split that were longer than the limit of tokens.
    rule : str or None
        How a search chose, where not by the metric alone.
    probe : dict or None
        The linear probe that a fine-tuning started from.
    """

    metric: str = SELECTION_METRIC
    split: str = "validation"
    chosen: dict[str, Any] = field(default_factory=dict)
    summary: str = ""
    score: float | None = None
    features: ChosenFeatures | None = None
    trials: tuple[TrialRecord, ...] = ()
    n_iter: Whole | None = None
    max_iter: Whole | None = None
    best_epoch: float | None = None
    best_score: float | None = None
    last_epoch: float | None = None
    truncated: dict[str, Whole] = field(default_factory=dict)
    rule: str | None = None
    probe: dict[str, Any] | None = None


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

    extract_seconds: Cost
    fit_seconds: Cost
    predict_seconds: Cost
    predict_ms_per_text: Cost


@dataclass(frozen=True)
class RunRecord:
    """A finished run.

    Attributes
    ----------
    method, seed
        What was run.
    family : Family
    label_names : tuple of str
    data : DataFacts
    checkpoint : CheckpointFacts or None
        None for methods that use none.
    features : dict or None
        What identifies the features: ``kinds`` (layer, pooling and spec of each, and ``long`` where it is not cut),
        ``combine``, ``max_length`` and ``dtype``; None for methods without features.
    settings : dict
        What the user could choose: grid or Trainer settings, as far as they identify the run.
    selection : Selection
    converged : bool or None
        Whether the optimiser of the chosen classifier ended by itself; None where that has no meaning.
    timings : Timings
    metrics : dict of str to Metrics
        Split name to what `featx.evaluation.measure` gives.
    history : tuple of dict
        Loss and validation metrics by step; None for what was not finite.
    model_format : str or None
        ``skops`` or ``transformers``; None when no model was saved.
    environment : dict
    created : str
    caveats : tuple of Caveat
        What limits the numbers of this run by itself.
    failure : str or None
        Why the method has no result, for one that failed or ran out of time; then there are no metrics.
    control : str or None
        What was made meaningless on purpose (``random encoder``, ``shuffled labels``), for a sanity probe.
    features_note : str or None
        How the features were chosen and why, where the checkpoint was asked.
    under_trained : bool or None
        Whether training was still improving when it ended, or learned nothing; None where that has no meaning.
    peak_memory_bytes : int or None
        Highest memory of the process, or of the GPU, while the run was made.
    model_bytes : int or None
        Size of the saved model.
    model_digest : str or None
        As of `featx.runs.measuring.folder_digest`; None for runs of version 0.1.
    predictions_digest : str or None
        Sha256 of ``predictions.parquet``, 64 hexadecimal digits; None where that was not recorded.
    fold, n_folds : int or None
        Which of how many folds of the data the run is, from 0; None without folds. A record that
        `featx.runs.folds` put together of all folds has `n_folds` alone.
    whole : SplitFacts or None
        All texts that the folds were cut from.
    test_rows : tuple of int or None
        Positions among these of the texts of test.
    """

    method: Annotated[str, Meta(pattern=f"^{NAME.pattern}$")]  # it becomes part of the names of files
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    family: Family
    label_names: tuple[str, ...]
    data: DataFacts
    checkpoint: CheckpointFacts | None
    features: dict[str, Any] | None
    settings: dict[str, Any]
    selection: Selection
    converged: bool | None
    timings: Timings
    metrics: dict[str, Metrics]
    history: tuple[dict[str, Number | None], ...]
    model_format: str | None
    environment: dict[str, Any]
    created: str
    caveats: tuple[Caveat, ...] = ()
    failure: str | None = None
    control: str | None = None
    features_note: str | None = None
    under_trained: bool | None = None
    peak_memory_bytes: Whole | None = None
    model_bytes: Whole | None = None
    model_digest: str | None = None
    predictions_digest: str | None = None
    fold: Whole | None = None
    n_folds: Whole | None = None
    whole: SplitFacts | None = None
    test_rows: tuple[Whole, ...] | None = None
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if len(self.label_names) < 2 or len(set(self.label_names)) < len(self.label_names):
            raise ValueError("Expected two `label_names` or more, each once")
        if self.fold is not None:
            self._check_fold(self.fold)
        _check_features(self.features, self.selection.features, self.failure)
        for split in () if self.failure is not None else ("validation", "test"):
            if self.metric(split, "accuracy") is None:
                raise ValueError(f"Object missing required field `metrics.{split}.accuracy`")

    def _check_fold(self, fold: int) -> None:
        if self.n_folds is None or fold >= self.n_folds:
            raise ValueError("Expected `fold` to be below `n_folds`")
        if self.whole is None or len(self.test_rows or ()) != self.data.test.n_texts:
            raise ValueError("Expected `whole`, and as many `test_rows` as test has texts, with `fold`")

    def metric(self, split: str, name: str) -> float | None:
        """Return the value of the metric `name` on `split`; None where the run does not have it."""
        value = self.metrics[split].get(name) if split in self.metrics else None
        return float(value) if isinstance(value, int | float) else None

    def score(self, split: str, name: str) -> float:
        """Return the value of a metric that runs are compared by: every record that was read from disk has those.

        Raises
        ------
        RunError
            If this one does not.
        """
        value = self.metric(split, name)
        if value is None:
            raise RunError(f"the run of {self.method}, seed {self.seed}, has no {name} on {split}; run it again")
        return value

    def has(self, *codes: CaveatCode) -> bool:
        """Return whether a caveat of one of these `codes` applies to this run by itself."""
        return any(caveat.code in codes for caveat in self.caveats)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``run.json``; numbers that are not finite, which JSON lacks, become None."""
        made = {name: _finite(value) for name, value in asdict(self).items()}
        selection = made["selection"]
        for part in (selection["features"] or {}, *selection["trials"]):
            if part.get("long", ...) is None:  # it came later than the rest, and stands where it was chosen
                del part["long"]
        return made

    @property
    def split_digest(self) -> str:
        """Digest of the test split: runs are compared only where it agrees."""
        return self.data.test.digest

    @property
    def device(self) -> str:
        """What the model ran on; empty where that was not recorded."""
        return str(self.environment.get("device") or "")

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two runs the same: see `identity_of`."""
        return identity_of(vars(self))


def identity_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return method, seed, data digests, checkpoint digests, features and settings out of a run's facts.

    Parameters
    ----------
    facts : mapping
        ``method``, ``seed``, ``data`` (DataFacts), ``checkpoint`` (CheckpointFacts or None), ``features`` and
        ``settings``, as the fields of `RunRecord`.
    """
    checkpoint: CheckpointFacts | None = facts["checkpoint"]
    return {
        "method": facts["method"],
        "seed": facts["seed"],
        "data": {name: split.digest for name, split in facts["data"].splits.items()},
        "checkpoint": checkpoint and {"digest": checkpoint.digest, "tokenizer_digest": checkpoint.tokenizer_digest},
        "features": facts["features"],
        "settings": facts["settings"],
    }


def _check_features(features: Any, chosen: ChosenFeatures | None, failure: str | None) -> None:
    """Check that of several kinds of feature the record says which were chosen, by positions that it has."""
    if features is None:
        return
    kinds = features.get("kinds", ())
    if not isinstance(kinds, list | tuple) or not all(map(_is_kind, kinds)):
        raise ValueError("Expected `features.kinds` with a layer and a pooling each")
    computed = [dtype for dtype in Dtype if dtype is not Dtype.AUTO]
    if kinds and features.get("dtype") not in [*computed, None]:
        raise ValueError(f"Expected `features.dtype` to be one of {', '.join(computed)}")
    if failure is not None:
        return
    if chosen is None:
        raise ValueError("Object missing required field `selection.features`")
    if kinds and not (chosen.kinds and max(chosen.kinds) < len(kinds)):
        raise ValueError("Expected `selection.features.kinds` to be positions in `features.kinds`")


def _is_kind(kind: Any) -> bool:
    return isinstance(kind, Mapping) and isinstance(kind.get("layer"), int) and isinstance(kind.get("pooling"), str)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
