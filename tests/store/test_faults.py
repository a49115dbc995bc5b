"""Faults: killed or failing at every system call of a commit, full disks, flipped bits, many writers, jumping clocks.

Long forms run with ``FEATX_SOAK=1``; CI runs the short ones.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import store_faults as faults
from store_faults import held, open_store, put
from tiny import make_texts

from featx.data import text_digests
from featx.errors import StoreError
from featx.features.store.maintenance import clear, compact, gc, list_stores, verify

SOAK = os.environ.get("FEATX_SOAK") == "1"
OLD, NEW = [f"old {i}" for i in range(5)], [f"new {i}" for i in range(7)]


def prepared(folder: Path) -> Path:
    put(open_store(folder), OLD)
    return folder


def calls_of_a_put(tmp_path: Path) -> int:
    store = open_store(prepared(tmp_path / "count"))
    return faults.n_calls(lambda: put(store, NEW))


@pytest.mark.parametrize("action", [faults.kill_before, faults.kill_after, faults.kill_half])
def test_killed_at_any_call_the_store_has_the_old_or_the_new_content(tmp_path: Path, action: object) -> None:
    n = calls_of_a_put(tmp_path)
    assert n >= 20
    committed = []
    for at in range(n):
        cache = prepared(tmp_path / str(at))

        def work(cache: Path = cache, at: int = at) -> None:
            store = open_store(cache)
            with faults.interposed(at, action):
                put(store, NEW)

        assert faults.in_child(work) == -signal.SIGKILL
        store = open_store(cache)
        assert held(store, OLD) == OLD
        new = held(store, NEW)
        assert new in ([], NEW)
        committed.append(bool(new))
        assert verify(cache) == []
        put(store, NEW)
        assert held(open_store(cache), OLD + NEW) == OLD + NEW
    assert committed == sorted(committed), "once committed, later calls do not take it back"
    assert not committed[0]
    assert committed[-1]


@pytest.mark.parametrize("code", list(faults.ERRORS), ids=errno.errorcode.get)
def test_an_error_at_any_call_is_clear_and_loses_nothing(tmp_path: Path, code: int) -> None:
    for at in range(calls_of_a_put(tmp_path)):
        cache = prepared(tmp_path / str(at))
        store = open_store(cache)
        with (
            faults.interposed(at, faults.fail_with(code)) as interposer,
            pytest.raises(StoreError, match=rf"{faults.ERRORS[code]}; what was committed is whole: free space"),
        ):
            put(store, NEW)
        assert len(interposer.seen) > at
        assert held(open_store(cache), OLD) == OLD
        assert held(open_store(cache), NEW) in ([], NEW)
        assert verify(cache) == []
        put(store, NEW)
        assert held(store, OLD + NEW) == OLD + NEW


def test_a_commit_makes_each_file_durable_and_the_manifest_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[str] = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (renamed.append(Path(b).suffix), replace(a, b)))
    store = open_store(prepared(tmp_path))
    renamed.clear()
    with faults.interposed(-1, None) as interposer:
        put(store, NEW)
    calls = [
        call for i, call in enumerate(interposer.seen) if (call, *interposer.seen[i - 1 : i]) != ("write", "write")
    ]
    assert calls == ["open", "write", "fsync", "close", "replace", "open", "fsync", "close"] * 4
    assert renamed[-1] == ".json"
    assert sorted(renamed) == [".checks", ".digests", ".json", ".npy"]


def test_short_writes_are_continued(tmp_path: Path) -> None:
    for at in range(calls_of_a_put(tmp_path)):
        store = open_store(prepared(tmp_path / str(at)))
        with faults.interposed(at, faults.short_write):
            put(store, NEW)
        assert held(open_store(tmp_path / str(at)), NEW) == NEW


FULL_DISK = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from store_faults import *
from featx.errors import StoreError
cache, i = Path(sys.argv[1]), 0
store = open_store(cache)
try:
    while True:
        put(store, [f"text {i} {j}" for j in range(200)])
        i += 1
except StoreError as e:
    assert "No space left on device" in str(e), e
assert i > 2
for k in range(i):
    texts = [f"text {k} {j}" for j in range(200)]
    assert held(open_store(cache), texts) == texts
print("kept", i)
"""


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=400k tmpfs {tmp_path} && exec {sys.executable} -c "$0" {tmp_path} {Path(__file__).parents[1]}'
    done = subprocess.run(["unshare", "-rm", "sh", "-c", mount, FULL_DISK], capture_output=True, text=True)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no disk of its own can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("kept")


def test_a_file_size_limit_is_a_clear_error(tmp_path: Path) -> None:
    cache = prepared(tmp_path)

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = open_store(cache)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        try:
            put(store, NEW)
        except StoreError as e:
            assert "File too large" in str(e)  # noqa: PT017 (in a process of its own)
            os._exit(0)
        os._exit(1)

    assert faults.in_child(work) == 0
    assert held(open_store(cache), OLD) == OLD


def test_every_flipped_bit_is_found_and_none_returned(tmp_path: Path) -> None:
    cache = prepared(tmp_path)
    put(open_store(cache), NEW)
    files = [
        p for p in cache.rglob("*") if p.suffix in (".npy", ".checks", ".digests", ".json") and p.name != "spec.json"
    ]
    assert len(files) == 8
    sizes = np.array([p.stat().st_size for p in files])
    rng = np.random.default_rng(0)
    for _ in range(10_000 if SOAK else 1_000):
        victim = files[rng.choice(len(files), p=sizes / sizes.sum())]
        whole = victim.read_bytes()
        broken = bytearray(whole)
        broken[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        victim.write_bytes(broken)
        assert [bad.path.stem for bad in verify(cache)] == [victim.stem]
        try:
            held(open_store(cache), OLD + NEW)  # compares whatever comes back
        except StoreError as e:
            assert "rows that are not what was written" in str(e) or "another header" in str(e)  # noqa: PT017
        victim.write_bytes(whole)
    assert verify(cache) == []
    assert held(open_store(cache), OLD + NEW) == OLD + NEW


def test_verify_names_and_removes_bad_shards(tmp_path: Path) -> None:
    cache = prepared(tmp_path)
    put(open_store(cache), NEW)
    victim = next(p for p in cache.rglob("*.npy"))
    data = bytearray(victim.read_bytes())
    data[-1] ^= 128
    victim.write_bytes(data)
    (bad,) = verify(cache)
    assert bad.path == victim.with_suffix(".json")
    assert "is not what was written" in bad.reason
    verify(cache, remove=True)
    assert verify(cache) == []
    assert not victim.exists()
    store = open_store(cache)
    put(store, OLD + NEW)
    assert held(store, OLD + NEW) == OLD + NEW


def extract_all(folder: Path, cache: Path, texts: list[str]) -> bytes:
    """Extract with a tiny encoder, one text a batch, so that each vector has one possible value."""
    import torch

    from featx.features import extraction
    from featx.features.checkpoint import find_checkpoint
    from featx.features.encoder import load_encoder
    from featx.settings import ComputeSettings, Device, FeatureSettings

    torch.set_num_threads(1)
    extraction._FIRST_WINDOW = extraction._LARGEST_WINDOW = 10
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    encoder = load_encoder(checkpoint, FeatureSettings(), ComputeSettings(Device.CPU, batch_tokens=1))
    made = extraction.Extractor(encoder, checkpoint, FeatureSettings(), cache)
    made._window_size = 10
    return made.encode(texts).gather().tobytes()


def test_random_kills_lose_nothing_and_change_no_bit(tiny: Path, tmp_path: Path) -> None:
    """A zygote process forks an extraction for each kill: loading the libraries once is quick enough for many."""
    script = Path(__file__).with_name("kill_loop.py")
    n = "1000" if SOAK else "60"
    done = subprocess.run([sys.executable, script, tiny, tmp_path, n], capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr
    assert f"{n} kills" in done.stdout


def worker(folder: Path, cache: Path, texts: list[str], out: Path) -> None:
    out.write_bytes(extract_all(folder, cache, texts))


def test_sixteen_processes_extract_one_set_into_one_empty_folder(tiny: Path, tmp_path: Path) -> None:
    texts, _ = make_texts(60)
    context = multiprocessing.get_context("spawn")
    n = 16 if SOAK else 4
    processes = [
        context.Process(target=worker, args=(tiny, tmp_path / "cache", texts, tmp_path / f"{i}.out")) for i in range(n)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        assert process.exitcode == 0
    results = {(tmp_path / f"{i}.out").read_bytes() for i in range(n)}
    assert len(results) == 1
    assert verify(tmp_path / "cache") == []


def test_nothing_depends_on_flock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    for name in ("flock", "lockf"):
        monkeypatch.setattr(fcntl, name, refuse)
    cache = prepared(tmp_path)
    put(open_store(cache), NEW)
    assert compact(cache) == (2, 1)
    assert gc(cache, older_than_seconds=3600) == []
    assert held(open_store(cache), OLD + NEW) == OLD + NEW


@pytest.mark.parametrize("jump", [-50 * 365 * 86_400, 50 * 365 * 86_400])
def test_a_clock_that_jumps_ages_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: int) -> None:
    cache = prepared(tmp_path)
    (folder,) = [s.folder for s in list_stores(cache)]
    under_way = folder / ".tmp-1-abc"
    under_way.write_bytes(b"half of a shard")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + jump)
    assert gc(cache, older_than_seconds=30 * 86_400) == []
    assert under_way.exists()
    assert held(open_store(cache), OLD) == OLD


def test_gc_removes_the_unused_and_what_the_dead_left(tmp_path: Path) -> None:
    cache = prepared(tmp_path)
    (store,) = list_stores(cache)
    day = 86_400
    old = time.time() - 40 * day
    leftovers = [store.folder / ".tmp-1-abc", store.folder / ("0" * 32 + ".npy")]
    for path in leftovers:
        path.write_bytes(b"half of a shard")
    assert gc(cache, older_than_seconds=30 * day) == []
    assert all(path.exists() for path in leftovers), "a live process may be writing them"
    for path in [*leftovers, store.folder / "used"]:
        os.utime(path, (old, old))
    assert [s.folder for s in gc(cache, older_than_seconds=30 * day)] == [store.folder]
    assert not any(path.exists() for path in leftovers)
    assert held(open_store(cache), OLD) == []


def test_gc_leaves_what_a_long_job_is_filling(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put(store, OLD)
    long_ago = time.time() - 86_400 * 3
    os.utime(store.folder / "used", (long_ago, long_ago))
    put(store, NEW)
    assert gc(tmp_path, older_than_seconds=86_400) == []
    assert held(store, OLD + NEW) == OLD + NEW


def test_gc_by_size_removes_the_least_recently_used(tmp_path: Path) -> None:
    from dataclasses import replace

    from featx.features.store import FeatureStore

    for layer in range(3):
        store = FeatureStore(tmp_path, replace(faults.SPEC, layer=layer), faults.WIDTH)
        put(store, OLD)
        stamp = time.time() - 1000 * (3 - layer)
        os.utime(store.folder / "used", (stamp, stamp))
    size = list_stores(tmp_path)[0].size
    removed = gc(tmp_path, max_size=2 * size)
    assert [store.spec["layer"] for store in removed] == [0]
    assert [store.spec["layer"] for store in list_stores(tmp_path) if store.shards] == [2, 1]


def test_clear_leaves_foreign_files_of_the_cache_folder(tmp_path: Path) -> None:
    cache = prepared(tmp_path)
    (cache / "mine.txt").write_text("mine")
    (cache / "features" / "notes").mkdir()
    (store,) = list_stores(cache)
    (store.folder / "mine.npy").write_text("mine")
    for name in ("demo-1", "users-own"):
        (cache / "checkpoints" / name).mkdir(parents=True)
    assert len(clear(cache)) == 1
    assert held(open_store(cache), OLD) == []
    assert (store.folder / "mine.npy").exists()
    assert [path.name for path in (cache / "checkpoints").iterdir()] == ["users-own"]
    assert (cache / "mine.txt").exists()
    assert (cache / "features" / "notes").is_dir()


def test_compact_keeps_every_row_and_each_once(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(100)]
    for start in range(0, 100, 10):
        put(open_store(tmp_path), texts[start : start + 10])
    put(open_store(tmp_path), texts[:20])
    reader = open_store(tmp_path)
    before = list_stores(tmp_path)[0]
    n_before, n_after = compact(tmp_path, rows=60)
    assert n_before == 11
    assert n_after <= 3
    assert held(open_store(tmp_path), texts) == texts
    assert verify(tmp_path) == []
    assert compact(tmp_path)[1] == 1
    assert (before.texts, list_stores(tmp_path)[0].texts) == (120, 100)
    assert held(open_store(tmp_path), texts) == texts
    with pytest.raises(StoreError, match="is gone: it was removed since it was opened"):
        reader.gather(reader.find(text_digests(texts)))


def test_killed_at_any_call_of_a_compaction_nothing_is_lost(tmp_path: Path) -> None:
    def filled(folder: Path) -> Path:
        put(open_store(folder), OLD)
        put(open_store(folder), NEW)
        return folder

    count = filled(tmp_path / "count")
    n = faults.n_calls(lambda: compact(count))
    for at in range(n):
        cache = filled(tmp_path / str(at))

        def work(cache: Path = cache, at: int = at) -> None:
            with faults.interposed(at, faults.kill_half):
                compact(cache)

        assert faults.in_child(work) == -signal.SIGKILL
        assert held(open_store(cache), OLD + NEW) == OLD + NEW
        assert verify(cache) == []
        compact(cache)
        assert held(open_store(cache), OLD + NEW) == OLD + NEW
        shutil.rmtree(cache)


@pytest.mark.filterwarnings("ignore:all texts have one and the same vector")  # a random encoder of three tokens
def test_one_changed_row_encodes_one_text(tiny: Path, tmp_path: Path) -> None:
    from featx.features.checkpoint import find_checkpoint
    from featx.features.encoder import load_encoder
    from featx.features.extraction import Extractor
    from featx.settings import ComputeSettings, Device, FeatureSettings

    n = 100_000 if SOAK else 10_000
    settings = FeatureSettings(max_length=3)
    checkpoint = find_checkpoint(str(tiny), Path("unused"))
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))

    def counts(texts: list[str]) -> tuple[int, int]:
        made = Extractor(encoder, checkpoint, settings, tmp_path).encode(texts).counts
        return made.encoded, made.reused

    texts = [f"row {i}" for i in range(n)]
    assert counts(texts) == (n, 0)
    texts[n // 2] = "changed"
    assert counts(texts) == (1, n - 1)
    assert counts(["again"] * 1000) == (1, 999)
