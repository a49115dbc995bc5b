"""What a probe reads: texts, features that were extracted, or features that came from elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.baselines import TEXTS, Candidate, Inputs, candidates_of
from featx.data import TextDataset
from featx.errors import TrainingError
from featx.experiment.features import SplitFeatures
from featx.experiment.records import checkpoint_facts
from featx.features.encoder import planned_specs
from featx.features.external_features import GivenFeatures
from featx.features.resolving import resolve_features
from featx.features.spec import FeatureSpec
from featx.runs import CheckpointFacts
from featx.settings import Checkpoint, Combine, FeatureSettings, Long

#: What stands for the pooling of features that came from elsewhere.
GIVEN = "given"


@dataclass(frozen=True)
class Source:
    """What a probe reads.

    Attributes
    ----------
    dataset : TextDataset
    inputs : Inputs
        Texts; for features what `gathered` made of `arrays`.
    arrays : mapping of split name to sequence of callable
        Each makes the matrix of one kind of features, shape (n_texts, hidden_size), float32.
    kinds : tuple of dict
        Layer, pooling and spec of each kind of features, and ``long`` where it is not cut; empty for texts.
    reading : dict
        What else identifies the extraction, see `reading_facts`.
    checkpoint : dict or None
        Facts of the checkpoint.
    seconds : dict of split name to float
        What encoding its texts takes.
    test_seconds : dict of Long to float
        That of test, for each way to read long texts.
    device : str
    note : str or None
        As of `SplitFeatures`.
    control : str
        What was made meaningless on purpose; empty for a real probe.
    """

    dataset: TextDataset
    inputs: Inputs = field(default_factory=lambda: Inputs({}, {}))
    arrays: Mapping[str, Sequence[Callable[[], NDArray[np.float32]]]] = field(default_factory=dict)
    kinds: tuple[dict[str, Any], ...] = ()
    reading: Mapping[str, Any] = field(default_factory=lambda: {"max_length": None, "dtype": None})
    checkpoint: CheckpointFacts | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    test_seconds: Mapping[Long, float] = field(default_factory=dict)
    device: str = "cpu"
    note: str | None = None
    control: str = ""

    def gathered(self, files: Path | None) -> Source:
        """Return the same with its arrays in memory, or in a folder of `files` that processes share.

        Raises
        ------
        TrainingError
            If the files cannot be written.
        """
        return replace(self, inputs=_shared(self.arrays, files))

    def candidates(self, combine: Combine) -> list[Candidate]:
        """Return what a method may choose from."""
        if not self.kinds:
            return [TEXTS]
        longs = [kind.get("long", Long.CUT.value) for kind in self.kinds]
        kinds = [(kind["layer"], kind["pooling"]) for kind in self.kinds]
        return candidates_of(kinds, combine, longs if len(set(longs)) > 1 else None)

    def feature_facts(self, combine: Combine) -> dict[str, Any] | None:
        """Return what identifies the features, for a record; None for texts."""
        return _feature_facts(self.kinds, combine, self.reading) if self.kinds else None


def on_texts(dataset: TextDataset) -> Source:
    """Return the source of the methods that read texts."""
    return Source(dataset, Inputs({name: split.texts for name, split in dataset.splits.items()}, {}))


def on_features(dataset: TextDataset, extracted: SplitFeatures, control: str = "") -> Source:
    """Return the source of the methods that read features; its arrays are not gathered yet."""
    kinds, test = range(len(extracted.specs)), extracted.encoded.get("test")
    return Source(
        dataset,
        arrays={name: [partial(extracted.of, name, kind) for kind in kinds] for name in dataset.splits},
        kinds=_kinds(extracted.specs),
        reading=reading_facts(extracted.settings, extracted.specs[0]),
        checkpoint=checkpoint_facts(extracted.checkpoint),
        seconds={name: encoded.encode_seconds for name, encoded in extracted.encoded.items()},
        test_seconds={} if test is None else test.seconds_by_long,
        device=extracted.device,
        note=extracted.note,
        control=control,
    )


def reading_facts(features: FeatureSettings, spec: FeatureSpec) -> dict[str, Any]:
    """Return how texts are read, beside layer and pooling; what came after version 0.1 only where it is used."""
    later = {"normalize": features.normalize, "prompt": spec.prompt}
    return {"max_length": spec.max_length, "dtype": spec.dtype.value, **{name: v for name, v in later.items() if v}}


def planned_facts(checkpoint: Checkpoint, features: FeatureSettings, combine: Combine) -> dict[str, Any]:
    """Return what identifies `features` of `checkpoint`, for a record, before they are extracted."""
    features = resolve_features(checkpoint, features)
    specs = planned_specs(checkpoint, features)
    return _feature_facts(_kinds(specs), combine, reading_facts(features, specs[0]))


def _kinds(specs: Sequence[FeatureSpec]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"layer": s.layer, "pooling": s.pooling.value, "spec": s.name}
        | ({} if s.long is Long.CUT else {"long": s.long.value})
        for s in specs
    )


def _feature_facts(kinds: Sequence[dict[str, Any]], combine: Combine, reading: Mapping[str, Any]) -> dict[str, Any]:
    side_by_side = len(kinds) > len({kind.get("long") for kind in kinds})
    return {"kinds": list(kinds), "combine": combine.value if side_by_side else None, **reading}


def on_given(dataset: TextDataset, given: GivenFeatures) -> Source:
    """Return the source of the methods that read features, from a file that someone made for the texts of `dataset`.

    Raises
    ------
    DataError
        If they are not of these texts.
    """
    given.check_fits(dataset)
    layers = range(given.n_layers or 1)
    arrays = {
        name: [partial(given.matrix, name, layer if given.n_layers else None) for layer in layers]
        for name in dataset.splits
    }
    kinds = tuple({"layer": layer, "pooling": GIVEN, "spec": given.digest} for layer in layers)
    return Source(dataset, arrays=arrays, kinds=kinds)


def with_shuffled_labels(source: Source, seed: int = 0) -> Source:
    """Return the same inputs with the labels of train and validation permuted: nothing is left to learn."""
    rng = np.random.default_rng(seed)
    splits = {
        name: split if name == "test" else replace(split, labels=rng.permutation(split.labels))
        for name, split in source.dataset.splits.items()
    }
    return replace(source, dataset=replace(source.dataset, splits=splits), control="shuffled labels")


def _shared(arrays: Mapping[str, Sequence[Callable[[], NDArray[np.float32]]]], files: Path | None) -> Inputs:
    if files is None:
        return Inputs({}, {name: [make() for make in kinds] for name, kinds in arrays.items()})
    paths: dict[str, list[NDArray[np.float32] | Path]] = {name: [] for name in arrays}
    try:
        folder = Path(tempfile.mkdtemp(dir=files))
        for name, kinds in arrays.items():
            for kind, make in enumerate(kinds):  # one array after the other is made and let go
                path = folder / f"{name}-{kind}.npy"
                np.save(path, make(), allow_pickle=False)
                paths[name].append(path)
    except OSError as e:
        raise TrainingError(
            f"features cannot be written to {files} for the processes to share: {e.strerror or e}; free space, set "
            "TMPDIR to another folder, or give `jobs` 1"
        ) from e
    return Inputs({}, paths)
