"""The store returns what was put, from any number of shards and writers, and treats the unproven as absent."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featx import files
from featx.data import text_digests
from featx.errors import StoreError
from featx.features.spec import FeatureSpec
from featx.features.store import FeatureStore
from featx.features.store.index import DigestIndex
from featx.features.store.maintenance import verify
from featx.settings import Dtype, Long, Pooling

SPEC = FeatureSpec("model", "tokenizer", 128, 6, Pooling.CLS, Dtype.FLOAT32)
WIDTH = 8


def open_store(cache: Path) -> FeatureStore:
    return FeatureStore(cache, SPEC, WIDTH)


def vector(text: str) -> np.ndarray:
    return np.random.default_rng(abs(hash(text)) % 2**32).normal(size=WIDTH).astype(np.float32)


def put(store: FeatureStore, texts: list[str]) -> None:
    store.put(text_digests(texts), np.stack([vector(text) for text in texts]), {"encode_seconds": 1.0})


def check(store: FeatureStore, texts: list[str]) -> None:
    rows = store.find(text_digests(texts))
    assert (rows >= 0).all()
    assert store.gather(rows).tobytes() == np.stack([vector(text) for text in texts]).tobytes()


def test_rows_come_back_bit_for_bit_in_request_order(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    texts = [f"text {i}" for i in range(50)]
    put(store, texts[:20])
    put(store, texts[20:])
    wanted = [texts[i] for i in np.random.default_rng(0).integers(0, 50, 200)]
    check(store, wanted)
    check(open_store(tmp_path), wanted)
    assert (store.find(text_digests(["unknown"])) == -1).all()


def test_a_view_reads_only_what_is_indexed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    texts = [f"text {i}" for i in range(50)]
    put(store, texts[:20])
    put(store, texts[20:])
    rows = store.find(text_digests(texts[::-1]))
    view, whole = store.view(rows), store.gather(rows)
    assert view.shape == (50, WIDTH)
    assert len(view) == 50
    assert view.dtype == np.float32
    for index in (slice(5, 30), slice(None, None, 7), np.array([3, 3, 49]), whole[:, 0] > 0):
        assert np.array_equal(view[index], whole[index])
    assert np.array_equal(view[-1], whole[-1])
    with pytest.raises(TypeError):
        view[0] = 0


@pytest.mark.parametrize("suffix", [".npy", ".checks", ".digests"])
def test_a_linked_file_makes_its_shard_absent(tmp_path: Path, suffix: str) -> None:
    put(open_store(tmp_path), ["a"])
    (path,) = shard_files(tmp_path, suffix)
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert len(open_store(tmp_path)) == 0


def test_names_differ_in_every_field_and_only_there() -> None:
    base = SPEC.name
    changes = {
        "checkpoint": "x", "tokenizer": "x", "max_length": 64, "layer": 5, "pooling": Pooling.MEAN,
        "dtype": Dtype.BFLOAT16, "format_version": 2, "prompt": "query: ", "long": Long.WINDOWS,
    }  # fmt: skip
    from dataclasses import fields, replace

    assert set(changes) == {field.name for field in fields(FeatureSpec)}
    names = {replace(SPEC, **{key: value}).name for key, value in changes.items()}
    assert len(names | {base}) == len(changes) + 1
    assert replace(SPEC).name == base


@given(st.lists(st.lists(st.binary(min_size=16, max_size=16), max_size=30), max_size=8))
def test_index_agrees_with_a_dictionary(batches: list[list[bytes]]) -> None:
    index = DigestIndex()
    for batch in batches:
        index.add(np.frombuffer(b"".join(batch), np.uint64).reshape(-1, 2))
    flat = [digest for batch in batches for digest in batch]
    first = {digest: row for row, digest in reversed(list(enumerate(flat)))}
    unknown = bytes(range(16))
    asked = [*flat, unknown]
    found = index.find(np.frombuffer(b"".join(asked), np.uint64).reshape(-1, 2))
    assert found.tolist() == [first.get(digest, -1) for digest in asked]


def test_index_tells_digests_apart_that_share_a_half() -> None:
    digests = np.array([[7, 1], [7, 2], [7, 3], [8, 1], [6, 2]], np.uint64)
    index = DigestIndex()
    index.add(digests[:2])
    index.add(digests[2:])
    assert index.find(digests[::-1]).tolist() == [4, 3, 2, 1, 0]
    assert index.find(np.array([[7, 9]], np.uint64)).tolist() == [-1]


def shard_files(cache: Path, suffix: str) -> list[Path]:
    return [p for p in cache.rglob(f"*{suffix}") if p.name != "spec.json"]


@pytest.mark.parametrize("suffix", [".npy", ".checks", ".digests", ".json"])
def test_a_truncated_file_makes_its_shard_absent(tmp_path: Path, suffix: str) -> None:
    put(open_store(tmp_path), ["a", "b"])
    put(open_store(tmp_path), ["c"])
    victim = shard_files(tmp_path, suffix)[0]
    victim.write_bytes(victim.read_bytes()[:-1])
    store = open_store(tmp_path)
    assert len(store) in (1, 2)
    rows = store.find(text_digests(["a", "b", "c"]))
    for text, row in zip("abc", rows, strict=True):
        if row >= 0:
            check(store, [text])


@pytest.mark.parametrize("suffix", [".digests", ".json"])
def test_a_flipped_bit_in_digests_or_manifest_makes_the_shard_absent(tmp_path: Path, suffix: str) -> None:
    put(open_store(tmp_path), ["a", "b"])
    (victim,) = shard_files(tmp_path, suffix)
    whole = victim.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(200):
        broken = bytearray(whole)
        broken[rng.integers(len(broken))] ^= 1 << rng.integers(8)
        victim.write_bytes(broken)
        assert len(open_store(tmp_path)) == 0
    victim.write_bytes(whole)
    check(open_store(tmp_path), ["a", "b"])


def test_data_without_a_manifest_is_absent(tmp_path: Path) -> None:
    put(open_store(tmp_path), ["a"])
    shard_files(tmp_path, ".json")[0].unlink()
    assert len(open_store(tmp_path)) == 0


def test_foreign_files_and_links_are_left_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put(store, ["a"])
    (store.folder / "notes.txt").write_text("mine")
    (store.folder / "other.json").write_text("{}")
    manifest = shard_files(tmp_path, ".json")[0]
    (store.folder / ("f" * 32 + ".json")).symlink_to(manifest)
    assert len(open_store(tmp_path)) == 1
    assert (store.folder / "notes.txt").read_text() == "mine"


def test_newer_format_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    with monkeypatch.context() as m:
        m.setattr("featx.features.store.manifest.SHARD_VERSION", 3)
        put(store, ["a"])
    with pytest.raises(StoreError, match=r"has store format 3, but this featx knows up to 2; update featx"):
        open_store(tmp_path)
    (bad,) = verify(tmp_path, remove=True)
    assert "has store format 3" in bad.reason
    assert bad.path.exists(), "another version's shards are not ours to remove"


def test_what_cannot_be_read_back_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    monkeypatch.setattr("featx.features.store.shard._is_manifest", lambda place, key: False)
    with pytest.raises(StoreError, match="cannot be read back"):
        put(store, ["a"])


def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    from featx.features.store.manifest import _digest

    put(open_store(tmp_path), ["a"])
    (path,) = shard_files(tmp_path, ".json")
    for change in ({"rows": 10**15}, {"rows": -1}, {"rows": 1.5}, {"hidden_size": 2**60}, {"written": []}):
        content = json.loads(path.read_text()) | change
        del content["sha256"]
        path.write_text(json.dumps(content | {"sha256": _digest(content)}))
        assert len(open_store(tmp_path)) == 0
    path.write_text("[" * 100_000)
    assert len(open_store(tmp_path)) == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EFBIG])
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_failing_disk_is_a_clear_error_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, call: str
) -> None:
    store = open_store(tmp_path)
    put(store, ["a", "b"])

    def fail(*args: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, call, fail)
    with pytest.raises(StoreError, match=rf"{os.strerror(code)}; what was committed is whole: free space"):
        put(store, ["c"])
    monkeypatch.undo()
    assert not list(tmp_path.rglob(".tmp-*"))
    again = open_store(tmp_path)
    check(again, ["a", "b"])
    assert again.find(text_digests(["c"])).tolist() == [-1]


def test_a_read_only_folder_still_returns_features_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    put(store, ["a"])

    def refuse(*args: object, **settings: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("featx.features.store.store.commit_shard", refuse)
    with pytest.warns(UserWarning, match=r"cannot be written \(Read-only file system\): features are computed and"):
        put(store, ["b"])
    put(store, ["c"])
    check(store, ["a", "b", "c"])


def test_only_finite_float32_rows_of_the_right_width(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    digests = text_digests(["a"])
    for wrong in (np.zeros((1, WIDTH + 1), np.float32), np.zeros((1, WIDTH)), np.zeros((2, WIDTH), np.float32)):
        with pytest.raises(ValueError, match="expected 1 float32 rows"):
            store.put(digests, wrong, {})
    with pytest.raises(ValueError, match="NaN or infinity"):
        store.put(digests, np.full((1, WIDTH), np.inf, np.float32), {})


def write_all(cache: Path, seed: int) -> None:
    store = open_store(cache)
    order = np.random.default_rng(seed).permutation(60)
    for part in np.array_split(order, 6):
        texts = [f"text {i}" for i in part]
        # The same vector whichever process writes it: hash() differs between processes.
        features = np.stack([np.full(WIDTH, i, np.float32) for i in part])
        store.put(text_digests(texts), features, {})


def test_many_writers_leave_one_correct_answer(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_all, args=(tmp_path, seed)) for seed in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    store = open_store(tmp_path)
    rows = store.find(text_digests([f"text {i}" for i in range(60)]))
    assert (store.gather(rows)[:, 0] == np.arange(60)).all()
