"""Features to files: ``.npz``, Parquet, or a folder for `datasets.load_from_disk`; each complete or absent."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import ExtractionError, SettingsError
from featx.experiment.extract import Extracted
from featx.files import whole_file, whole_folder
from featx.settings import Format, choose

if TYPE_CHECKING:
    import pyarrow

#: Rows of a Parquet row group: what is in memory at once.
_ROWS = 16_384
_SUFFIXES = {".npz": Format.NPZ, ".parquet": Format.PARQUET, "": Format.DATASETS}


def choose_format(path: Path, name: str | None) -> Format:
    """Return the format called `name`, or else the one that the suffix of `path` stands for.

    Raises
    ------
    SettingsError
        If neither is known, or `path` cannot be written in that format.
    """
    if name is None and path.suffix.lower() not in _SUFFIXES:
        raise SettingsError(
            f"`output` is {str(path)!r}; expected .npz, .parquet, a folder, or `format` ({', '.join(Format)})", "output"
        )
    chosen = _SUFFIXES[path.suffix.lower()] if name is None else choose(Format, name, "format")
    if chosen is Format.DATASETS:
        if path.exists() and not (path / "dataset_dict.json").is_file():
            raise SettingsError(f"`output` {path} is there and is no folder of datasets; remove it or choose another")
    elif path.is_dir():
        raise SettingsError(f"`output` {path} is a folder, but {chosen.value} is one file; name a file in it")
    return chosen


def save_features(extracted: Extracted, path: Path, format_name: Format) -> None:
    """Write the features and labels of every split.

    ``npz`` holds, for each split, ``<split>_features``, shape (n, hidden_size), or (n, n_layers, hidden_size) for
    several layers, and ``<split>_labels``, shape (n,); ``label_names``, and ``spec`` as JSON; it loads with
    ``allow_pickle=False``. With several poolings the names are ``<split>_features_<pooling>``, and with several `long`
    they end in ``_<long>``.

    ``parquet`` and ``datasets`` have a row a text: ``row``, ``text``, ``label`` (its name; a ``ClassLabel`` in
    ``datasets``), and ``features``, a list of float32 of fixed size, or ``layer_<n>_<pooling>`` where there are
    several, and ``_<long>`` behind it where these are several; Parquet has ``split`` first, ``datasets`` has a split
    each.

    Raises
    ------
    ExtractionError
        If it cannot be written; what stood there is then as it was.
    """
    writers: dict[Format, Callable[[Extracted, Path], None]] = {
        Format.NPZ: _write_npz,
        Format.PARQUET: _write_parquet,
        Format.DATASETS: _write_datasets,
    }
    whole = whole_folder if format_name is Format.DATASETS else whole_file
    try:
        with whole(path) as building:
            writers[format_name](extracted, building)
    except OSError as e:
        raise ExtractionError(
            f"{path} cannot be written: {e.strerror or e}; the features are in the cache all the same"
        ) from e


def _write_npz(extracted: Extracted, path: Path) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    poolings = list(dict.fromkeys(spec.pooling.value for spec in extracted.features.specs))
    longs = list(dict.fromkeys(spec.long.value for spec in extracted.features.specs))
    for split in extracted.features.encoded:
        for pooling, long in itertools.product(poolings, longs):
            suffix = (f"_{pooling}" if len(poolings) > 1 else "") + (f"_{long}" if len(longs) > 1 else "")
            arrays[f"{split}_features{suffix}"] = extracted.array(split, pooling, long)
        arrays[f"{split}_labels"] = extracted.dataset.splits[split].labels
    arrays["label_names"] = np.array(extracted.dataset.label_names, dtype=np.str_)
    arrays["spec"] = np.array(_spec(extracted))
    with path.open("xb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _write_parquet(extracted: Extracted, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for split in extracted.features.encoded:
            for table in _tables(extracted, split):
                named = table.add_column(0, "split", pa.array([split] * len(table)).dictionary_encode())
                if writer is None:
                    schema = named.schema.with_metadata({"featx": _spec(extracted)})
                    writer = pq.ParquetWriter(path, schema)
                writer.write_table(named.replace_schema_metadata({"featx": _spec(extracted)}))
    finally:
        if writer is not None:
            writer.close()


def _write_datasets(extracted: Extracted, path: Path) -> None:
    import datasets
    import pyarrow as pa

    names = list(extracted.dataset.label_names)
    made = {}
    bars = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        for split in extracted.features.encoded:
            split_dataset = datasets.Dataset(pa.concat_tables(_tables(extracted, split)))
            made[split] = split_dataset.cast_column("label", datasets.ClassLabel(names=names))
        datasets.DatasetDict(made).save_to_disk(str(path))
    finally:
        if bars:
            datasets.enable_progress_bars()


def _tables(extracted: Extracted, split: str) -> Iterator[pyarrow.Table]:
    """Yield the rows of one split in blocks: row, text, label, and a column for each kind of feature."""
    import pyarrow as pa

    specs, encoded = extracted.features.specs, extracted.features.encoded[split]
    names = ["features"] if len(specs) == 1 else [f"layer_{spec.layer}_{spec.pooling.value}" for spec in specs]
    if len({spec.long for spec in specs}) > 1:
        names = [f"{name}_{spec.long.value}" for name, spec in zip(names, specs, strict=True)]
    views = [encoded.view(kind) for kind in range(len(specs))]
    held = extracted.dataset.splits[split]
    for start in range(0, len(held), _ROWS):
        at = slice(start, min(start + _ROWS, len(held)))
        columns: dict[str, Any] = {
            "row": pa.array(range(at.start, at.stop), pa.int64()),
            "text": pa.array(list(held.texts[at]), pa.string()),
            "label": pa.array([held.label_names[label] for label in held.labels[at].tolist()], pa.string()),
        }
        for name, view in zip(names, views, strict=True):
            flat = pa.array(view[at].reshape(-1))
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, extracted.features.hidden_size)
        yield pa.table(columns)


def _spec(extracted: Extracted) -> str:
    return json.dumps(extracted.summary()["spec"], sort_keys=True)
