"""The store in an object store, in memory: the laws of the folder hold there too."""

from __future__ import annotations

import sys
import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import obstore
import pytest
from buckets import change, content, lose
from buckets import keys as objects
from obstore.exceptions import AlreadyExistsError, GenericError, PermissionDeniedError

from featx.errors import SettingsError, StoreError
from featx.features.spec import FeatureSpec
from featx.features.store import FeatureStore, bucket
from featx.features.store.maintenance import clear, compact, gc, list_stores, verify
from featx.features.store.objects import Objects
from featx.features.store.token import leave_token, remove_token, sees_token
from featx.settings import CacheUrl, Dtype, Pooling, cache_place, local_folder

WIDTH = 8


@pytest.fixture
def spec() -> FeatureSpec:
    return FeatureSpec("model", "tokenizer", 128, 6, Pooling.CLS, Dtype.FLOAT32)


@pytest.fixture
def url() -> CacheUrl:
    return CacheUrl(f"memory://{uuid.uuid4().hex}/featx")


def rows(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2**63, (n, 2), dtype=np.uint64), rng.normal(size=(n, WIDTH)).astype(np.float32)


def opened(url: CacheUrl, spec: FeatureSpec) -> FeatureStore:
    return FeatureStore(url, spec, WIDTH)


def test_what_is_stored_comes_back_bit_for_bit(url: CacheUrl, spec: FeatureSpec) -> None:
    digests, features = rows(5_000)
    store = opened(url, spec)
    store.put(digests[:3_000], features[:3_000], {"encode_seconds": 3.0})
    store.put(digests[3_000:], features[3_000:], {})
    again = opened(url, spec)
    order = np.random.default_rng(1).permutation(5_000)
    for one in (store, again):
        assert np.array_equal(one.gather(one.find(digests[order])), features[order])
    twice = again.find(digests[[7, 7, 4_999, 0]])
    assert np.array_equal(again.gather(twice), features[[7, 7, 4_999, 0]])


def test_the_same_names_and_bytes_as_on_disk(url: CacheUrl, spec: FeatureSpec, tmp_path) -> None:
    digests, features = rows(20)
    for cache in (url, tmp_path):
        FeatureStore(cache, spec, WIDTH).put(digests, features, {})
    files = {p.name: p.read_bytes() for p in (tmp_path / "features" / spec.name).iterdir()}
    assert {key.rpartition("/")[2]: content(url, key) for key in objects(url)} == files


def test_rows_are_fetched_by_ranges(url: CacheUrl, spec: FeatureSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    digests, features = rows(1_000)
    store = opened(url, spec)
    store.put(digests, features, {})
    gets: list[tuple[int, int]] = []
    get = Objects.get

    def counted(self, name, start=0, stop=None):
        if name.endswith(".npy") and start:
            gets.append((start, stop))
        return get(self, name, start, stop)

    monkeypatch.setattr(Objects, "get", counted)
    store.gather(np.arange(1_000))
    assert len(gets) == 1
    gets.clear()
    monkeypatch.setattr(bucket, "_GAP_BYTES", 0)
    monkeypatch.setattr(bucket, "_SPAN_BYTES", 4 * WIDTH * 10)
    wanted = np.array([3, 4, 500, 999])
    assert np.array_equal(store.gather(wanted), features[wanted])
    assert [stop - start for start, stop in gets] == [2 * 4 * WIDTH, 4 * WIDTH, 4 * WIDTH]
    gets.clear()
    assert np.array_equal(store.gather(np.arange(25)), features[:25])
    assert len(gets) == 3


@pytest.mark.parametrize("suffix", [".npy", ".checks", ".digests", ".json"])
def test_a_missing_or_truncated_object_is_absent(url: CacheUrl, spec: FeatureSpec, suffix: str) -> None:
    digests, features = rows(30)
    opened(url, spec).put(digests, features, {})
    key = next(k for k in objects(url, suffix) if not k.endswith("spec.json"))
    whole = content(url, key)
    for damage in (lambda: change(url, key, whole[:-1]), lambda: lose(url, key)):
        damage()
        assert len(opened(url, spec)) == 0
    opened(url, spec).put(digests, features, {})
    assert np.array_equal(opened(url, spec).gather(np.arange(30)), features)


@pytest.mark.parametrize("suffix", [".npy", ".checks", ".digests", ".json"])
def test_a_flipped_bit_is_found_and_never_returned(url: CacheUrl, spec: FeatureSpec, suffix: str) -> None:
    digests, features = rows(3)
    opened(url, spec).put(digests, features, {})
    key = next(k for k in objects(url, suffix) if not k.endswith("spec.json"))
    whole = content(url, key)
    for position in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        change(url, key, bytes(flipped))
        store = opened(url, spec)
        found = store.find(digests)
        if (found >= 0).all():
            with pytest.raises(StoreError, match="featx cache verify --remove"):
                store.gather(found)
        else:
            assert (found == -1).all()
        assert len(verify(url)) == 1, position
    assert len(verify(url, remove=True)) == 1
    assert verify(url) == []
    assert objects(url, ".npy") == []


def test_an_object_that_changes_while_it_is_open(url: CacheUrl, spec: FeatureSpec) -> None:
    digests, features = rows(30)
    store = opened(url, spec)
    store.put(digests, features, {})
    (key,) = objects(url, ".npy")
    change(url, key, content(url, key)[:-4])
    with pytest.raises(StoreError, match="has changed its size"):
        store.gather(np.arange(30))
    lose(url, key)
    with pytest.raises(StoreError, match="is gone"):
        store.gather(np.arange(30))


@pytest.mark.parametrize("left", range(6))
def test_killed_between_any_two_puts(url: CacheUrl, spec: FeatureSpec, monkeypatch, left: int) -> None:
    old_digests, old = rows(10)
    store = opened(url, spec)
    store.put(old_digests, old, {})
    digests, features = rows(10, seed=1)
    calls = []

    def dying(method):
        def call(self, name, data):
            if len(calls) == left:
                raise KeyboardInterrupt
            calls.append(name)
            return method(self, name, data)

        return call

    with monkeypatch.context() as m:
        m.setattr(Objects, "put", dying(Objects.put))
        m.setattr(Objects, "create", dying(Objects.create))
        if left < 5:
            with pytest.raises(KeyboardInterrupt):
                store.put(digests, features, {})
        else:
            store.put(digests, features, {})
            assert [name.rpartition(".")[2] for name in calls] == ["npy", "checks", "digests", "json", "used"]
    again = opened(url, spec)
    assert np.array_equal(again.gather(again.find(old_digests)), old)
    assert (again.find(digests) >= 0).all() == (left >= 4)
    again.put(digests, features, {})
    whole = opened(url, spec)
    assert np.array_equal(whole.gather(whole.find(digests)), features)


def test_sixteen_writers_of_one_text_set(url: CacheUrl, spec: FeatureSpec) -> None:
    digests, features = rows(64)

    def write(worker: int) -> None:
        store = opened(url, spec)
        for start in range(0, 64, 16):
            part = slice(start, start + 16)
            store.put(digests[part], features[part], {"encode_seconds": worker})

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    store = opened(url, spec)
    assert len(store) == 64
    assert np.array_equal(store.gather(store.find(digests)), features)
    assert verify(url) == []


def test_the_first_manifest_stays(url: CacheUrl, spec: FeatureSpec) -> None:
    digests, features = rows(5)
    first, second = opened(url, spec), opened(url, spec)
    first.put(digests, features, {"encode_seconds": 1.0})
    before = [content(url, key) for key in objects(url, ".json")]
    second.put(digests, features, {"encode_seconds": 2.0})
    assert [content(url, key) for key in objects(url, ".json")] == before


def failing(error: Exception):
    def call(*args, **kwargs):
        raise error

    return call


def test_a_refusal_of_a_conditional_put(url: CacheUrl, spec: FeatureSpec, monkeypatch) -> None:
    """Of the manifest alone: it may be there, or be written by another at this moment."""
    digests, features = rows(5)
    store = opened(url, spec)
    put = obstore.put

    def refusing(bucket, key, data, **settings):
        if settings.get("mode") == "create":
            raise AlreadyExistsError("Object at location x already exists")
        return put(bucket, key, data, **settings)

    monkeypatch.setattr(obstore, "put", refusing)
    assert not Objects(url).create("one", b"1")
    store.put(digests, features, {})
    assert np.array_equal(opened(url, spec).gather(store.find(digests)), features)


def test_a_bucket_that_cannot_be_written(url: CacheUrl, spec: FeatureSpec, monkeypatch) -> None:
    digests, features = rows(5)
    monkeypatch.setattr(obstore, "put", failing(PermissionDeniedError("Access Denied: key AKIASECRET")))
    with pytest.warns(UserWarning, match=r"cannot be written \(no permission\)") as caught:
        store = opened(url, spec)
    store.put(digests, features, {})
    assert len(caught) == 1
    assert "AKIA" not in str(caught[0].message)
    assert np.array_equal(store.gather(store.find(digests)), features)
    assert not store.is_writable


def test_the_network_is_lost(url: CacheUrl, spec: FeatureSpec, monkeypatch) -> None:
    digests, features = rows(5)
    store = opened(url, spec)
    store.put(digests, features, {})
    lost = GenericError("Generic S3 error: error sending GET http://x/y?X-Amz-Signature=hunter2 \nTraceback")
    with monkeypatch.context() as m:
        for name in ("get", "get_range", "put", "list_with_delimiter"):
            m.setattr(obstore, name, failing(lost))
        for work in (
            lambda: store.gather(np.arange(5)),
            lambda: store.put(*rows(3, seed=2), {}),
            lambda: opened(url, spec),
            lambda: verify(url),
            lambda: list_stores(url),
        ):
            with pytest.raises(StoreError, match="error sending GET http://x/y ") as caught:
                work()
            assert "\n" not in str(caught.value)
            assert "hunter2" not in str(caught.value)
    again = opened(url, spec)
    assert np.array_equal(again.gather(again.find(digests)), features)


def test_list_and_what_is_refused(url: CacheUrl, spec: FeatureSpec) -> None:
    assert list_stores(url) == []
    opened(url, spec).put(*rows(5), {})
    (facts,) = list_stores(url)
    assert (facts.folder.name, facts.shards, facts.texts) == (spec.name, 1, 5)
    assert facts.spec["max_length"] == spec.max_length
    assert facts.size > 5 * WIDTH * 4
    assert facts.last_used > 0
    for work in (gc, compact, clear):
        with pytest.raises(SettingsError, match="works on folders only"):
            work(url)
    assert len(opened(url, spec)) == 5
    (key,) = objects(url, "spec.json")
    lose(url, key)
    assert [(one.spec, one.texts) for one in list_stores(url)] == [({}, 5)]


def test_the_token(url: CacheUrl) -> None:
    assert not sees_token(url, "token")
    assert Objects(url).get_all(["token"]) == [None]
    leave_token(url, "token")
    assert sees_token(url, "token")
    remove_token(url, "token")
    assert not sees_token(url, "token")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("s3://user:hunter2@bucket/x", "password"),
        ("s3://bucket/x?secret=hunter2", "options"),
        ("https://example.org/x", "expected a folder, or an object store"),
        ("s3://", "names no bucket"),
    ],
)
def test_urls_that_are_refused(given: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        cache_place(given)
    assert "hunter2" not in str(caught.value)


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as m:
        m.setitem(sys.modules, "obstore", None)
        with pytest.raises(SettingsError, match=r"`cache_dir` with s3:// needs .* pip install 'featx\[s3\]'"):
            Objects(CacheUrl("s3://bucket/x"))
    with pytest.raises(SettingsError, match="nosuch:// is not known; expected a folder, s3://, gs:// or az://"):
        Objects(CacheUrl("nosuch://bucket/x"))


def test_what_must_lie_on_a_disk_does(url: CacheUrl) -> None:
    with warnings.catch_warnings():
        assert "://" not in str(local_folder(url))
