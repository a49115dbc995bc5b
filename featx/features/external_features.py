"""Features that came from elsewhere: an ``.npz`` file in the form that ``featx extract --output`` writes, checked."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.data import TextDataset
from featx.errors import DataError, SettingsError

_SPLITS = ("train", "validation", "test")
#: Arrays that are read, by name and by how names begin; others are left alone.
_OTHERS, _NAMES = ("label_names", "spec"), tuple(f"{split}_" for split in _SPLITS)
#: Bytes that a file may unpack to whatever its size, and how many times its size beyond them.
_ALWAYS_UNPACKED, _LARGEST_RATIO = 1 << 28, 20
#: Longest name of a label.
_NAME_LENGTH = 100


@dataclass(frozen=True)
class GivenFeatures:
    """Features and labels of a file.

    Attributes
    ----------
    path : Path
    features : mapping of split name to ndarray
        Shape (n_texts, hidden_size) or (n_texts, n_layers, hidden_size), float32, all finite.
    labels : mapping of split name to ndarray of shape (n_texts,), int64
        Positions in `label_names`.
    label_names : tuple of str
    spec : object
        What the file says of the features; None where it says nothing.
    digest : str
        Sha256 over features, labels and label names: what identifies them, whatever the file is called.
    """

    path: Path
    features: Mapping[str, NDArray[np.float32]]
    labels: Mapping[str, NDArray[np.int64]]
    label_names: tuple[str, ...]
    spec: Any
    digest: str

    @property
    def n_layers(self) -> int | None:
        """Layers in the file; None where rows are single vectors."""
        first = next(iter(self.features.values()))
        return None if first.ndim == 2 else int(first.shape[1])

    def matrix(self, split: str, layer: int | None = None) -> NDArray[np.float32]:
        """Feature matrix of a split, shape (n_texts, hidden_size).

        Parameters
        ----------
        split : str
        layer : int, optional
            Position among the layers of the file, negative ones from the end; all side by side when None.

        Raises
        ------
        SettingsError
            If the file has no such split or layer.
        """
        if split not in self.features:
            raise SettingsError(f"{self.path} has no split {split!r}; it has {', '.join(self.features)}")
        features = self.features[split]
        if features.ndim == 2:
            return features
        if layer is None:
            return features.reshape(len(features), -1)
        n_layers = features.shape[1]
        if not -n_layers <= layer < n_layers:
            raise SettingsError(f"{self.path} has {n_layers} layers, so layer {layer} is none of them")
        return np.ascontiguousarray(features[:, layer])

    def check_fits(self, dataset: TextDataset) -> None:
        """Check that these are features of the texts of `dataset`, row by row as far as labels can tell.

        Raises
        ------
        DataError
            If label names, numbers of texts or labels differ; names the first row that does.
        """
        if self.label_names != dataset.label_names:
            raise DataError(
                f"{self.path} has the labels {', '.join(self.label_names)[:200]}, but {dataset.address} has "
                f"{', '.join(dataset.label_names)[:200]}; give the features of that data set"
            )
        for split, held in dataset.splits.items():
            if split not in self.labels:
                raise DataError(f"{self.path} has no features of {split}; it has {', '.join(self.labels)}")
            labels = self.labels[split]
            if len(labels) != len(held):
                raise DataError(
                    f"{self.path} has {len(labels)} rows of {split}, but {dataset.address} has {len(held)} texts; give "
                    "the features of that data set, with the same splits"
                )
            other = np.flatnonzero(labels != held.labels)
            if len(other):
                row = int(other[0])
                raise DataError(
                    f"{self.path}: row {row + 1} of {split} has the label {self.label_names[labels[row]]!r}, but "
                    f"{dataset.address} has {self.label_names[held.labels[row]]!r}; the rows must be in the same order"
                )


def read_features(path: Path, pooling: str | None = None) -> GivenFeatures:
    """Read and check a file of features.

    Parameters
    ----------
    path : Path
        An ``.npz`` with ``<split>_features`` and ``<split>_labels`` for train, validation and test, and
        ``label_names``; ``spec`` (JSON) may be there. Features are numbers of shape (n, hidden_size) or
        (n, n_layers, hidden_size),
        labels whole numbers from 0.
    pooling : str, optional
        Which of ``<split>_features_<pooling>`` to take, where the file has several.

    Raises
    ------
    DataError
        If the file cannot be read or breaks a rule; names array, row and remedy. No pickle is ever loaded.
    """
    arrays = _arrays(path)
    names = _label_names(arrays, path)
    features: dict[str, NDArray[np.float32]] = {}
    labels: dict[str, NDArray[np.int64]] = {}
    for split in _SPLITS:
        features[split] = _features(arrays, split, pooling, path)
        labels[split] = _labels(arrays, split, len(features[split]), len(names), path)
    shapes = {made.shape[1:] for made in features.values()}
    if len(shapes) > 1:
        raise DataError(f"{path}: features of the splits have the shapes {sorted(shapes)} a text; expected one")
    absent = np.setdiff1d(np.arange(len(names)), labels["train"])
    if len(absent):
        raise DataError(f"{path}: class {names[absent[0]]!r} is absent from train_labels, so no method could learn it")
    return GivenFeatures(path, features, labels, names, _spec(arrays), _digest(features, labels, names))


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        # `np.load` alone would open single arrays too, and leave files open that are not whole.
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise DataError(f"{path} is no .npz; expected what featx extract --output or numpy.savez writes")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                names = [name for name in file.files if name in _OTHERS or name.startswith(_NAMES)]
                _check_size(path, [info for info in file.zip.infolist() if info.filename.removesuffix(".npy") in names])
                return {name: np.asarray(file[name]) for name in names}
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error, SyntaxError) as e:
        first_line = (str(e).strip().splitlines() or [type(e).__name__])[0][:200]
        raise DataError(f"{path} cannot be read as .npz: {first_line}; write it again, without objects") from e
    except (MemoryError, NotImplementedError, RuntimeError, OverflowError) as e:
        raise DataError(f"{path} cannot be read as .npz ({type(e).__name__}); it is too large or not whole") from e


def _check_size(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Check, before memory is taken, that the arrays do not unpack to a multiple of the file that no features have."""
    packed, unpacked = path.stat().st_size, sum(info.file_size for info in members)
    if unpacked > max(_ALWAYS_UNPACKED, _LARGEST_RATIO * packed):
        raise DataError(
            f"{path} holds {packed / 1e6:.1f} MB that unpack to {unpacked / 1e9:.1f} GB, so it is not read; write it "
            "again with numpy.savez if these are features"
        )


def _label_names(arrays: Mapping[str, NDArray[Any]], path: Path) -> tuple[str, ...]:
    made = arrays.get("label_names")
    if made is None:
        raise DataError(f"{path}: label_names is missing; it has {_listed(arrays)}")
    names = tuple(map(str, made.tolist())) if made.ndim == 1 and made.dtype.kind == "U" else ()
    if len(names) < 2 or len(set(names)) != len(names):
        raise DataError(f"{path}: label_names must be two strings or more, each once")
    if not all(0 < len(name) <= _NAME_LENGTH and name.isprintable() for name in names):
        raise DataError(f"{path}: label_names must be 1 to {_NAME_LENGTH} printable characters each")
    return names


def _features(arrays: Mapping[str, NDArray[Any]], split: str, pooling: str | None, path: Path) -> NDArray[np.float32]:
    plain = f"{split}_features"
    name = plain if plain in arrays else f"{plain}_{pooling}"
    if name not in arrays:
        there = [known.removeprefix(f"{plain}_") for known in arrays if known.startswith(f"{plain}_")]
        hint = f"choose `pooling`, one of {', '.join(there)[:100]}" if there else f"it has {_listed(arrays)}"
        raise DataError(f"{path}: {plain} is missing; {hint}")
    made = arrays[name]
    if made.ndim not in (2, 3) or not made.size or made.dtype.kind not in "fiu":
        raise DataError(
            f"{path}: {name} is {made.dtype} of shape {made.shape}; expected numbers of shape (n, hidden_size) or "
            "(n, n_layers, hidden_size)"
        )
    with np.errstate(over="ignore"):
        features = np.ascontiguousarray(made, np.float32)
    bad = np.flatnonzero(~np.isfinite(features).reshape(len(features), -1).all(axis=1))
    if len(bad):
        raise DataError(f"{path}: {len(bad)} rows of {name} hold NaN, infinity or too large numbers, the first: row "
                        f"{bad[0] + 1}; mend or leave them out")  # fmt: skip
    return features


def _labels(
    arrays: Mapping[str, NDArray[Any]], split: str, n_texts: int, n_classes: int, path: Path
) -> NDArray[np.int64]:
    name = f"{split}_labels"
    made = arrays.get(name)
    if made is None:
        raise DataError(f"{path}: {name} is missing; it has {_listed(arrays)}")
    if made.ndim != 1 or made.dtype.kind not in "iu" or len(made) != n_texts:
        raise DataError(
            f"{path}: {name} is {made.dtype} of shape {made.shape}; expected a whole number for each of {n_texts} rows"
        )
    bad = np.flatnonzero((made < 0) | (made >= n_classes))
    if len(bad):
        raise DataError(
            f"{path}: row {bad[0] + 1} of {name} is {made[bad[0]]}; expected 0 to {n_classes - 1}, a position in "
            "label_names"
        )
    return made.astype(np.int64)


def _spec(arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Return what the file says of itself; of no consequence, so that anything unreadable counts as nothing."""
    try:
        return json.loads(str(arrays["spec"]))
    except (KeyError, ValueError, RecursionError):
        return None


def _digest(
    features: Mapping[str, NDArray[np.float32]], labels: Mapping[str, NDArray[np.int64]], names: tuple[str, ...]
) -> str:
    digest = sha256(json.dumps(names).encode())
    for split in _SPLITS:
        digest.update(f"{split}{features[split].shape}".encode())
        digest.update(features[split].astype("<f4").data.cast("B"))
        digest.update(labels[split].astype("<i8").data.cast("B"))
    return digest.hexdigest()


def _listed(arrays: Mapping[str, object]) -> str:
    return ", ".join(name[:40] for name in list(arrays)[:12]) or "nothing"
