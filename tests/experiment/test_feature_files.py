"""Features to .npz, Parquet and datasets: the same rows in each, and no half-written file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from featx.errors import ExtractionError, SettingsError
from featx.experiment import feature_files
from featx.experiment.extract import Extracted
from featx.experiment.feature_files import choose_format, save_features
from featx.features.external_features import read_features
from featx.session import Session
from featx.settings import FeatureSettings, Format, Pooling


def made(tweets: Path, tiny: Path, cache: Path, **features: object) -> Extracted:
    return Session(tweets, tiny, device="cpu", cache_dir=cache).extract(FeatureSettings(**features))


def matrix(column: object) -> np.ndarray:
    return np.array(column.to_pylist(), np.float32)


def test_parquet_holds_the_same_rows(tweets: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_files, "_ROWS", 7)  # several row groups
    extracted = made(tweets, tiny, tmp_path / "cache")
    path = tmp_path / "out" / "features.parquet"
    save_features(extracted, path, choose_format(path, None))
    table = pq.read_table(path)
    assert table.column_names == ["split", "row", "text", "label", "features"]
    assert json.loads(table.schema.metadata[b"featx"])["layer"] == 2
    for split, held in extracted.dataset.splits.items():
        part = table.filter(np.array(table["split"].to_pylist()) == split)
        assert part["row"].to_pylist() == list(range(len(held)))
        assert part["text"].to_pylist() == list(held.texts)
        assert part["label"].to_pylist() == [held.label_names[label] for label in held.labels]
        assert np.array_equal(matrix(part["features"]), extracted[split])


def test_a_folder_of_datasets_holds_the_same_rows(tweets: Path, tiny: Path, tmp_path: Path) -> None:
    import datasets

    extracted = made(tweets, tiny, tmp_path / "cache", layer=None, pooling=(Pooling.CLS, Pooling.MEAN))
    path = tmp_path / "features"
    for _ in range(2):  # a second time in the place of the first
        save_features(extracted, path, choose_format(path, None))
    loaded = datasets.load_from_disk(str(path))
    assert list(loaded) == ["train", "validation", "test"]
    assert loaded["test"].features["label"].names == list(extracted.dataset.label_names)
    assert loaded["test"]["label"][:] == extracted.dataset.test.labels.tolist()
    for position, layer in enumerate((0, 1, 2)):
        for pooling in ("cls", "mean"):
            column = np.array(loaded["test"][f"layer_{layer}_{pooling}"][:], np.float32)
            assert np.array_equal(column, extracted.array("test", pooling)[:, position])


def test_npz_is_read_back_as_features_from_elsewhere(tweets: Path, tiny: Path, tmp_path: Path) -> None:
    extracted = made(tweets, tiny, tmp_path / "cache", layer=(0, -1))
    path = tmp_path / "features.npz"
    save_features(extracted, path, choose_format(path, None))
    given = read_features(path)
    given.check_fits(extracted.dataset)
    assert np.array_equal(given.features["test"], extracted["test"])


def test_formats_by_suffix_and_by_name(tmp_path: Path) -> None:
    assert choose_format(Path("x.NPZ"), None) is Format.NPZ
    assert choose_format(Path("x.parquet"), None) is Format.PARQUET
    assert choose_format(Path("x"), None) is Format.DATASETS
    assert choose_format(Path("x.data"), "npz") is Format.NPZ
    with pytest.raises(
        SettingsError, match=r"`output` is .x.csv.; expected .npz, .parquet, a folder, or `format` \(npz,"
    ):
        choose_format(Path("x.csv"), None)
    with pytest.raises(SettingsError, match=r"`format` is .csv.; expected one of: npz, parquet, datasets"):
        choose_format(Path("x.npz"), "csv")
    (tmp_path / "mine").mkdir()
    with pytest.raises(SettingsError, match="is there and is no folder of datasets"):
        choose_format(tmp_path / "mine", None)
    with pytest.raises(SettingsError, match="is a folder, but npz is one file"):
        choose_format(tmp_path / "mine", "npz")


@pytest.mark.parametrize("name", ["features.npz", "features.parquet", "features"])
def test_what_stood_there_stays_when_writing_fails(
    tweets: Path, tiny: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    extracted = made(tweets, tiny, tmp_path / "cache")
    path = tmp_path / "out" / name
    save_features(extracted, path, choose_format(path, None))
    before = sorted((p.name, p.stat().st_size) for p in path.parent.rglob("*"))

    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    format_name = choose_format(path, None)
    monkeypatch.setattr(feature_files, "_spec", lambda extracted: fail(path, path))
    if name != "features":
        with pytest.raises(ExtractionError, match=r"cannot be written: No space left on device; the features are in"):
            save_features(extracted, path, format_name)
        assert sorted((p.name, p.stat().st_size) for p in path.parent.rglob("*")) == before
