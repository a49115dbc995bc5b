"""What a method on features may read: one layer and pooling, or all of them side by side; long texts in one way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.settings import Combine

#: Layer and pooling of what is all of them side by side.
CONCAT = "concat"


@dataclass(frozen=True)
class Candidate:
    """One choice of inputs.

    Attributes
    ----------
    layer : int or str
        `CONCAT` for all layers and poolings side by side.
    pooling : str
    kinds : tuple of int
        Positions of the feature kinds that it reads, side by side; empty for texts.
    preparation : int
        Which of the method's `preparations` goes before the classifier.
    long : str or None
        How long texts are read, where not all candidates have it in common.
    """

    layer: int | str = ""
    pooling: str = ""
    kinds: tuple[int, ...] = ()
    preparation: int = 0
    long: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """Layer, pooling and `long`, for a record; empty for texts."""
        return {"layer": self.layer, "pooling": self.pooling, "long": self.long} if self.kinds else {}


#: The only candidate of a method on texts.
TEXTS = Candidate()


def candidates_of(
    kinds: Sequence[tuple[int, str]], combine: Combine, longs: Sequence[str] | None = None
) -> list[Candidate]:
    """Return candidates out of the layer and pooling of each kind of features.

    One kind alone is one candidate, whatever `combine` says.

    Parameters
    ----------
    kinds : sequence of (layer, pooling)
    combine : Combine
    longs : sequence of str, optional
        How long texts are read in each kind, where this differs: side by side stand only kinds that have it in common,
        since of these one is to be chosen.
    """
    made = []
    for long in [None] if longs is None else dict.fromkeys(longs):
        own = [k for k in range(len(kinds)) if longs is None or longs[k] == long]
        each = [Candidate(*kinds[k], (k,), long=long) for k in own]
        concat = [Candidate(CONCAT, CONCAT, tuple(own), long=long)]
        chosen = {Combine.EACH: each, Combine.CONCAT: concat, Combine.BOTH: each + concat}[combine]
        made += each if len(each) == 1 else chosen
    return made


@dataclass(frozen=True)
class Inputs:
    """What methods read, by split: texts, or an array for each kind of features.

    Attributes
    ----------
    texts : mapping of split name to sequence of str
    features : mapping of split name to sequence of ndarray or Path
        Arrays of shape (n_texts, hidden_size) float32, or ``.npy`` files of them, which are mapped read-only.
    """

    texts: Mapping[str, Sequence[str]]
    features: Mapping[str, Sequence[NDArray[np.float32] | Path]]

    def of(self, split: str, candidate: Candidate) -> Any:
        """Texts, or a feature matrix (n_texts, n_features)."""
        if not candidate.kinds:
            return self.texts[split]
        arrays = [self._array(self.features[split][kind]) for kind in candidate.kinds]
        return arrays[0] if len(arrays) == 1 else np.hstack(arrays)

    def on_disk(self, folder: Path) -> Inputs:
        """Return the same with features in files of `folder`, so that processes share them without copies."""
        files: dict[str, list[NDArray[np.float32] | Path]] = {}
        for split, arrays in self.features.items():
            files[split] = []
            for kind, array in enumerate(arrays):
                if not isinstance(array, Path):
                    path = folder / f"{split}-{kind}.npy"
                    np.save(path, array, allow_pickle=False)
                    array = path
                files[split].append(array)
        return Inputs(self.texts, files)

    @staticmethod
    def _array(array: NDArray[np.float32] | Path) -> NDArray[np.float32]:
        if not isinstance(array, Path):
            return array
        return np.load(array, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
