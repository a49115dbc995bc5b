"""The store through obstore and the S3 protocol, against a server on the loopback interface."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("obstore")
pytest.importorskip("moto")
pytest.importorskip("flask")

import boto3
from buckets import change, content, keys
from moto.server import ThreadedMotoServer

from featx.cli import main
from featx.errors import StoreError
from featx.features.spec import FeatureSpec
from featx.features.store import FeatureStore, objects
from featx.features.store.maintenance import list_stores, verify
from featx.features.store.objects import Objects
from featx.features.store.token import leave_token, remove_token, sees_token
from featx.settings import CacheUrl, Dtype, Pooling

SPEC = FeatureSpec("model", "tokenizer", 128, 6, Pooling.CLS, Dtype.FLOAT32)
WIDTH = 8


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedMotoServer]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setattr(objects, "_RETRIES", {"max_retries": 1, "retry_timeout": timedelta(seconds=2)})
    objects._bucket.cache_clear()
    yield server
    server.stop()
    objects._bucket.cache_clear()


@pytest.fixture
def url(server: ThreadedMotoServer) -> CacheUrl:
    bucket = f"b{uuid.uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return CacheUrl(f"s3://{bucket}/featx")


def control(server: ThreadedMotoServer, path: str, data: str) -> None:
    host, port = server.get_host_and_port()
    request = urllib.request.Request(
        f"http://{host}:{port}/moto-api/{path}", data=data.encode(), headers={"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(request).close()


def rows(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2**63, (n, 2), dtype=np.uint64), rng.normal(size=(n, WIDTH)).astype(np.float32)


def opened(url: CacheUrl) -> FeatureStore:
    return FeatureStore(url, SPEC, WIDTH)


def test_what_is_stored_comes_back_bit_for_bit(url: CacheUrl, tmp_path: Path) -> None:
    digests, features = rows(3_000)
    for cache in (url, tmp_path):
        store = FeatureStore(cache, SPEC, WIDTH)
        store.put(digests[:2_000], features[:2_000], {})
        store.put(digests[2_000:], features[2_000:], {})
    again = opened(url)
    order = np.random.default_rng(1).permutation(3_000)
    assert np.array_equal(again.gather(again.find(digests[order])), features[order])
    assert np.array_equal(again.gather(again.find(digests[[5, 2_900]])), features[[5, 2_900]])
    files = {p.name: p.read_bytes() for p in (tmp_path / "features" / SPEC.name).iterdir()}
    assert {key.rpartition("/")[2]: content(url, key) for key in keys(url, "")} == files


def test_the_second_writer_of_the_same_rows(url: CacheUrl) -> None:
    digests, features = rows(20)
    first, second = opened(url), opened(url)
    first.put(digests, features, {"encode_seconds": 1.0})
    (manifest,) = (key for key in keys(url, ".json") if not key.endswith("spec.json"))
    before = content(url, manifest)
    second.put(digests, features, {"encode_seconds": 2.0})
    assert content(url, manifest) == before
    assert np.array_equal(second.gather(second.find(digests)), features)
    change(url, manifest, b"{")
    opened(url).put(digests, features, {})
    assert len(opened(url)) == 20


@pytest.mark.parametrize("size", [1, 101 * 2**20])
def test_a_conditional_put_is_refused(url: CacheUrl, size: int) -> None:
    bucket = Objects(url)
    assert bucket.create("one", b"first")
    assert not bucket.create("one", b"x" * size)
    assert bucket.get("one") == b"first"
    assert bucket.get_all(["one"]) == [b"first"]
    assert bucket.get_all(["none"]) == [None]
    assert bucket.get_all(["none", "one"]) == [None, b"first"]


def test_verify(url: CacheUrl, capsys: pytest.CaptureFixture[str]) -> None:
    opened(url).put(*rows(20), {})
    assert verify(url) == []
    (facts,) = list_stores(url)
    assert (facts.shards, facts.texts) == (1, 20)
    assert facts.last_used > 0
    (key,) = keys(url, ".npy")
    data = bytearray(content(url, key))
    data[-1] ^= 1
    change(url, key, bytes(data))
    for options, code in (([], 1), (["--remove"], None), ([], 0)):
        with pytest.raises(SystemExit) as stop:
            main(["cache", "verify", "--cache-dir", str(url), *options])
        if code is not None:
            assert int(stop.value.code or 0) == code, capsys.readouterr()
    assert keys(url, ".npy") == []
    with pytest.raises(SystemExit):
        main(["cache", "list", "--cache-dir", str(url), "--json"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["stores"][0]["texts"] == 0


def test_the_token(url: CacheUrl) -> None:
    assert not sees_token(url, "token")
    leave_token(url, "token")
    assert sees_token(url, "token")
    remove_token(url, "token")
    assert not sees_token(url, "token")


def test_credentials_in_the_files_of_boto3(url: CacheUrl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    digests, features = rows(5)
    opened(url).put(digests, features, {})
    (tmp_path / "credentials").write_text("[mine]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    objects._bucket.cache_clear()
    assert np.array_equal(opened(url).gather(np.arange(5)), features)


def test_a_missing_bucket(server: ThreadedMotoServer) -> None:
    with pytest.raises(StoreError, match="there is no such bucket") as caught:
        opened(CacheUrl("s3://nosuch/featx"))
    assert "\n" not in str(caught.value)


def test_no_permission(url: CacheUrl, server: ThreadedMotoServer) -> None:
    digests, features = rows(5)
    store = opened(url)
    store.put(digests, features, {})
    control(server, "reset-auth", "0")
    try:
        with pytest.raises(StoreError, match="no permission") as caught:
            store.gather(np.arange(5))
        assert "\n" not in str(caught.value)
        with pytest.warns(UserWarning, match=r"cannot be written \(no permission\)"):
            store.put(*rows(5, seed=1), {})
        with pytest.raises(StoreError, match="no permission"):
            verify(url)
    finally:
        control(server, "reset-auth", "1000000000")


def test_the_server_goes_in_the_middle(url: CacheUrl, server: ThreadedMotoServer) -> None:
    digests, features = rows(5)
    store = opened(url)
    store.put(digests, features, {})
    server.stop()
    for work in (lambda: store.gather(np.arange(5)), lambda: store.put(*rows(3, seed=2), {}), lambda: verify(url)):
        with pytest.raises(StoreError, match="error sending request") as caught:
            work()
        assert "\n" not in str(caught.value)
        assert "nothing" not in str(caught.value)
