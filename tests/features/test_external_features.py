"""Features from elsewhere: what is right comes through, every broken file is one line."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featx.data import load_dataset
from featx.errors import DataError, SettingsError
from featx.features.external_features import read_features
from featx.settings import DataSettings

NAMES = np.array(["bad", "good"])


def arrays(n_layers: int | None = None) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shape = (4,) if n_layers is None else (n_layers, 4)
    made: dict[str, Any] = {"label_names": NAMES, "spec": np.array('{"layer": 6}')}
    for split, n in (("train", 6), ("validation", 3), ("test", 5)):
        made[f"{split}_features"] = rng.normal(size=(n, *shape)).astype(np.float32)
        made[f"{split}_labels"] = np.arange(n) % 2
    return made


def save(folder: Path, **made: Any) -> Path:
    path = folder / "features.npz"
    np.savez(path, **made)
    return path


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    wanted = arrays()
    made = read_features(save(tmp_path, **wanted))
    assert made.label_names == ("bad", "good")
    assert made.spec == {"layer": 6}
    assert made.n_layers is None
    for split in ("train", "validation", "test"):
        assert np.array_equal(made.matrix(split), wanted[f"{split}_features"])
        assert np.array_equal(made.labels[split], wanted[f"{split}_labels"])
        assert (made.features[split].dtype, made.labels[split].dtype) == (np.float32, np.int64)


def test_layers_one_by_one_or_side_by_side(tmp_path: Path) -> None:
    wanted = arrays(3)
    made = read_features(save(tmp_path, **wanted))
    assert made.n_layers == 3
    assert np.array_equal(made.matrix("test", -1), wanted["test_features"][:, 2])
    assert made.matrix("test").shape == (5, 12)
    with pytest.raises(SettingsError, match="has 3 layers, so layer 3 is none"):
        made.matrix("test", 3)
    with pytest.raises(SettingsError, match="has no split 'dev'"):
        made.matrix("dev")


def test_one_of_several_poolings(tmp_path: Path) -> None:
    wanted = arrays()
    for split in ("train", "validation", "test"):
        wanted[f"{split}_features_mean"] = wanted[f"{split}_features"] + 1
        wanted[f"{split}_features_cls"] = wanted.pop(f"{split}_features")
    path = save(tmp_path, **wanted)
    assert np.array_equal(read_features(path, "mean").matrix("test"), wanted["test_features_mean"])
    with pytest.raises(DataError, match=r"train_features is missing; choose `pooling`, one of mean, cls"):
        read_features(path)


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    wanted = arrays()
    first = read_features(save(tmp_path, **wanted)).digest
    (tmp_path / "other").mkdir()
    assert read_features(save(tmp_path / "other", **dict(reversed(wanted.items())))).digest == first
    wanted["test_labels"] = 1 - wanted["test_labels"]
    assert read_features(save(tmp_path, **wanted)).digest != first


def changed(name: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda made: made | {name: value}


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda made: {key: value for key, value in made.items() if key != name}


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "no features": (without("test_features"), r"test_features is missing; it has label_names, spec"),
    "no labels": (without("train_labels"), r"train_labels is missing"),
    "no names": (without("label_names"), r"label_names is missing"),
    "one name": (changed("label_names", np.array(["a"])), r"label_names must be two strings or more"),
    "a name twice": (changed("label_names", np.array(["a", "a"])), r"each once"),
    "names that are numbers": (changed("label_names", np.array([0, 1])), r"label_names must be two strings"),
    "a name of controls": (changed("label_names", np.array(["a\n", "b"])), r"printable characters"),
    "objects": (changed("train_features", np.array([{}], dtype=object)), r"cannot be read as .npz: .*allow_pickle"),
    "one dimension": (changed("train_features", np.ones(6)), r"train_features is float64 of shape \(6,\); expected"),
    "strings": (changed("train_features", np.full((6, 4), "x")), r"expected numbers of shape"),
    "complex": (changed("train_features", np.ones((6, 4), complex)), r"expected numbers of shape"),
    "no rows": (changed("train_features", np.ones((0, 4))), r"expected numbers of shape"),
    "another width": (changed("train_features", np.ones((6, 5))), r"shapes \[\(4,\), \(5,\)\] a text; expected one"),
    "NaN": (changed("test_features", np.full((5, 4), np.nan)), r"5 rows of test_features hold NaN.*: row 1;"),
    "too large": (changed("test_features", np.full((5, 4), 1e300)), r"5 rows of test_features hold NaN, inf"),
    "too few labels": (changed("test_labels", np.zeros(4, int)), r"test_labels is int64 of shape \(4,\); expected"),
    "labels that are floats": (changed("test_labels", np.zeros(5)), r"test_labels is float64"),
    "a label out of range": (changed("test_labels", np.array([0, 1, 2, 0, 1])), r"row 3 of test_labels is 2; .* 0 to 1"),
    "a label below 0": (changed("test_labels", np.array([0, -1, 0, 0, 1])), r"row 2 of test_labels is -1"),
    "a class absent from train": (changed("train_labels", np.zeros(6, int)), r"class 'good' is absent from train"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_one_line(tmp_path: Path, name: str) -> None:
    change, words = BROKEN[name]
    path = save(tmp_path, **change(arrays()))
    with pytest.raises(DataError, match=words) as error:
        read_features(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_what_is_no_npz(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    with pytest.raises(DataError, match="No such file"):
        read_features(path)
    for content in (b"", b"text", pickle.dumps({"a": 1})):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"is no \.npz; expected what featx extract"):
            read_features(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("train_features.npy", b"no array")
    with pytest.raises(DataError, match=r"is missing|cannot be read"):
        read_features(path)


def test_a_header_that_claims_more_than_there_is(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": (2**40, 2**20)})
    with zipfile.ZipFile(tmp_path / "features.npz", "w") as file:
        file.writestr("train_features.npy", buffer.getvalue())
    with pytest.raises(DataError, match="cannot be read"):
        read_features(tmp_path / "features.npz")


@given(st.integers(0, 4_000), st.integers(0, 30), st.binary(max_size=12))
@settings(max_examples=300, deadline=5_000, suppress_health_check=list(HealthCheck), derandomize=True)
def test_bytes_cut_out_and_put_in(tmp_path_factory: pytest.TempPathFactory, at: int, n: int, new: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.npz"
    buffer = io.BytesIO()
    np.savez(buffer, **arrays())
    data = buffer.getvalue()
    path.write_bytes(data[: at % len(data)] + new + data[at % len(data) + n :])
    try:
        read_features(path)
    except DataError as e:
        message = str(e)
    else:
        message = ""
    assert "\n" not in message
    assert len(message) < 1_000


def test_features_fit_their_data_set(tmp_path: Path, tweets: Path) -> None:
    dataset = load_dataset(DataSettings(str(tweets)))
    made = {"label_names": np.array(dataset.label_names)}
    for split, held in dataset.splits.items():
        made |= {f"{split}_features": np.ones((len(held), 2)), f"{split}_labels": held.labels}
    read_features(save(tmp_path, **made)).check_fits(dataset)
    other = made | {"test_labels": np.roll(made["test_labels"], 1)}
    with pytest.raises(DataError, match=r"row 1 of test has the label .*; the rows must be in the same order"):
        read_features(save(tmp_path, **other)).check_fits(dataset)
    fewer = made | {"test_labels": made["test_labels"][1:], "test_features": made["test_features"][1:]}
    with pytest.raises(DataError, match=r"has 29 rows of test, but .* has 30 texts"):
        read_features(save(tmp_path, **fewer)).check_fits(dataset)
    with pytest.raises(DataError, match=r"has the labels a, b, c, but"):
        read_features(save(tmp_path, **made | {"label_names": np.array(list("abc"))})).check_fits(dataset)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    import subprocess
    import sys
    import zipfile

    path = tmp_path / "bomb.npz"
    block = b"\0" * (1 << 24)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("train_features.npy", "w") as member:
        member.write(
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 400), }".ljust(128)
        )
        for _ in range(40):
            member.write(block)
    code = (
        "import resource, sys; from pathlib import Path; from featx.features.external_features import read_features\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read_features(Path(sys.argv[1]))\n"
        "except Exception as e: print(type(e).__name__, e)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    said, taken = done.stdout.splitlines()
    assert "DataError" in said
    assert "that unpack to 0.7 GB, so it is not read" in said
    assert int(taken) < 50_000
