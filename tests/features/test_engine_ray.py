"""Extraction by Ray on a real cluster of two one-CPU nodes, whose workers, nodes and drivers are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny import write_tweeteval

from featx.errors import CheckpointError, ExtractionError, SettingsError, StoreError
from featx.features import ray_fleet
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.engine_ray import RayEngine
from featx.features.extraction import Extractor
from featx.features.ray_cluster import WithoutRemarks
from featx.features.ray_fleet import Fleet
from featx.features.ray_worker import Order, Worker
from featx.features.spec import FeatureSpec
from featx.features.store import FeatureStore
from featx.features.store.maintenance import verify
from featx.features.windows import WindowPlanner
from featx.settings import ComputeSettings, Device, FeatureSettings, RaySettings

psutil = pytest.importorskip("psutil")

N_TEXTS = 9_000
WINDOW = 500
MEMORY = 100 * 2**20


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tweeteval(tmp_path_factory.mktemp("ray") / "tweets", (N_TEXTS - 60, 30, 30))


@pytest.fixture(scope="module")
def expected(data: Path, tiny: Path) -> dict[str, np.ndarray]:
    """What a local run gives for each split."""
    checkpoint, settings = find_checkpoint(str(tiny), Path("unused")), FeatureSettings()
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))
    made = {}
    for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
        texts = (data / f"{name}_text.txt").read_text().split("\n")
        made[split] = Extractor(encoder, checkpoint, settings, None).encode(texts).gather()
    return made


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Two nodes with one CPU each; nodes that fall silent are noticed within two seconds."""
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    with warnings.catch_warnings():
        # Ray leaves the log files of its node processes open and forks with threads; nothing here can close them.
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        quick = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 300, "health_check_timeout_ms": 1_000,
                 "health_check_failure_threshold": 2}  # fmt: skip
        common = {"num_cpus": 1, "object_store_memory": MEMORY, "include_dashboard": False}
        made = Cluster(initialize_head=True, head_node_args=common | {"_system_config": quick})
        made.second = made.add_node(**{key: value for key, value in common.items() if key != "include_dashboard"})
        made.wait_for_nodes()
        try:
            yield made
        finally:
            made.shutdown()


def start(cluster: object, data: Path, tiny: Path, cache: Path, *more: str) -> subprocess.Popen[str]:
    """A driver in a process of its own; one text a batch, so that it takes a while."""
    return subprocess.Popen(
        [sys.executable, "-m", "featx", "extract", "--dataset", str(data), "--checkpoint", str(tiny), "--json",
         "--engine", "ray", "--ray-address", cluster.address, "--cache-dir", str(cache), "--batch-tokens", "16", "--ray-window", str(WINDOW), *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ) | {"RAY_DEDUP_LOGS": "0"},
    )  # fmt: skip


def wait_for(what: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def shards(cache: Path) -> int:
    return len(list(cache.glob("features/*/*.digests")))


def workers() -> list[int]:
    """Processes of our workers: descendants of this one, since the nodes are."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "ray::Worker" in " ".join(process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def finish(driver: subprocess.Popen[str]) -> dict[str, object]:
    out, err = driver.communicate(timeout=300)
    assert driver.returncode == 0, err
    return json.loads(out)


def check(data: Path, tiny: Path, cache: Path, expected: dict[str, np.ndarray]) -> None:
    """The store holds the same vectors, in the order of the texts, and all of it is whole."""
    assert verify(cache) == []
    checkpoint, settings = find_checkpoint(str(tiny), Path("unused")), FeatureSettings()
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))
    for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
        texts = (data / f"{name}_text.txt").read_text().split("\n")
        made = Extractor(encoder, checkpoint, settings, cache).encode(texts)
        assert made.counts.encoded == 0
        error = np.linalg.norm(made.gather() - expected[split], axis=1) / np.linalg.norm(expected[split], axis=1)
        assert error.max() < 1e-5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # see `cluster`: they come from Ray's own threads too
def test_driver_workers_and_a_node_are_lost(
    cluster: object, data: Path, tiny: Path, tmp_path: Path, expected: dict[str, np.ndarray]
) -> None:
    """The driver is killed and started again; then a worker is; then a whole node goes without grace."""
    cache = tmp_path / "cache"
    driver = start(cluster, data, tiny, cache)
    wait_for(lambda: shards(cache) >= 2 or driver.poll() is not None)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    assert driver.returncode == -signal.SIGKILL
    wait_for(lambda: not workers())
    kept = shards(cache)
    assert kept < N_TEXTS // WINDOW, "killed in mid-run"

    driver = start(cluster, data, tiny, cache)
    wait_for(lambda: shards(cache) > kept or driver.poll() is not None)
    victim = workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(victim) or psutil.Process(victim).status() == "zombie")
    before = shards(cache)
    wait_for(lambda: shards(cache) > before or driver.poll() is not None)
    assert driver.poll() is None, "the node goes in mid-run"
    cluster.remove_node(cluster.second, allow_graceful=False)
    summary = finish(driver)
    assert summary["texts"] == N_TEXTS
    assert summary["reused"] > 0, "what the killed driver had committed was found"
    assert summary["device"] == "cpu"
    check(data, tiny, cache, expected)
    assert len(list(cache.glob(".tmp-*"))) == 1, "a killed driver leaves its token, a finished one does not"


# Without a cluster


class FakeRay:
    """As much of Ray as the driver uses, in this process: calls are done when they are waited for."""

    class exceptions:  # noqa: N801
        class RayError(Exception):
            pass

        class RayTaskError(RayError):
            pass

    def __init__(self, do: Callable[[object, list[str]], object]) -> None:
        self.do, self.calls, self.made = do, {}, 0

    def actor(self) -> object:
        ray, self.made = self, self.made + 1
        number = self.made

        class Method:
            def __init__(self, call: Callable[..., object]) -> None:
                self.call = call

            def remote(self, *arguments: object) -> object:
                reference = object()
                ray.calls[reference] = lambda: self.call(*arguments)
                return reference

        class Actor:
            prepare = Method(lambda: "cpu")
            encode = Method(lambda texts: ray.do(number, texts))

        return Actor()

    def wait(self, references: list, num_returns: int, timeout: float) -> tuple[list, list]:
        assert references, "waits for nothing"
        return references[-1:], references[:-1]

    def get(self, reference: object) -> object:
        return self.calls.pop(reference)()


def drive(texts: list[str], do: Callable[[object, list[str]], object], workers: int = 2) -> FakeRay:
    spec = FeatureSpec("c", "t", 8, 1, "cls", "float32")
    store = FeatureStore(Path(os.environ["FEATX_CACHE_DIR"]), spec, 4)
    planner = WindowPlanner([store], 10, remember=None)
    ray = FakeRay(do)
    fleet = Fleet(ray, ray.actor)
    for _ in range(workers):
        fleet.start()
    list(fleet.encode(window.texts for window in planner.windows(texts)))
    assert planner.n_texts == len(texts)
    return ray


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FEATX_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("losses", range(12))
def test_each_text_is_handed_out_until_it_is_done(small: None, losses: int) -> None:
    rng = np.random.default_rng(losses)
    texts = [f"text {i}" for i in rng.integers(0, 60, 150)]
    done: list[str] = []
    left = [losses]

    def do(worker: object, window: list[str]) -> object:
        if left[0] and rng.random() < 0.3:
            left[0] -= 1
            raise FakeRay.exceptions.RayError("lost")
        assert len(window) <= 10
        done.extend(window)
        return ray_fleet.WindowCounts(len(window), 0, 0)

    ray = drive(texts, do)
    assert sorted(done) == sorted(set(texts))
    assert ray.made == 2 + losses - left[0]


def test_a_window_that_kills_every_worker_is_named(small: None) -> None:
    def do(worker: object, window: list[str]) -> object:
        if "poison" in window:
            raise FakeRay.exceptions.RayError("lost")
        return ray_fleet.WindowCounts(len(window), 0, 0)

    with pytest.raises(
        ExtractionError, match=r"4 workers were lost with the same window of 10 texts, the first 'good 20"
    ):
        drive([*(f"good {i}" for i in range(25)), "poison", *(f"more {i}" for i in range(10))], do)


def test_workers_that_never_start_end_the_work(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: FakeRay, reference: object) -> object:
        raise FakeRay.exceptions.RayError("No module named 'featx'\nmore")

    monkeypatch.setattr(FakeRay, "get", fail)
    with pytest.raises(ExtractionError, match=r"cannot be started .*\(No module named 'featx'\); is featx installed"):
        drive(["a"], lambda worker, window: None)


def test_what_a_worker_raises_is_raised_here(small: None) -> None:
    def do(worker: object, window: list[str]) -> object:
        error = FakeRay.exceptions.RayTaskError()
        error.cause = StoreError("the disk is full") if window[0] == "a" else ZeroDivisionError("by\nzero")
        raise error

    with pytest.raises(StoreError, match="the disk is full"):
        drive(["a"], do)
    with pytest.raises(ExtractionError, match="a worker failed: ZeroDivisionError: by zero"):
        drive(["b"], do)


def test_no_room_for_any_worker_ends_the_work(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_fleet, "_PATIENCE_SECONDS", -1)
    monkeypatch.setattr(FakeRay, "wait", lambda self, references, num_returns, timeout: ([], references))
    with pytest.raises(ExtractionError, match="no node of the Ray cluster had room for a worker"):
        drive(["a"], lambda worker, window: None)


def order(tiny: Path, cache: Path, token: str = "token") -> Order:
    checkpoint = find_checkpoint(str(tiny), cache)
    return Order(checkpoint, FeatureSettings(), ComputeSettings(Device.CPU), cache, token)


def test_a_worker_writes_and_counts(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    worker = Worker(order(tiny, tmp_path))
    assert worker.prepare() == "cpu"
    counts = worker.encode(["a good day", "a bad day"])
    assert (counts.encoded, counts.truncated, counts.tokens) == (2, 0, 10)
    assert shards(tmp_path) == 1


def test_a_worker_refuses_another_cache_folder_or_checkpoint(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"does not see the cache folder .* give one as `cache_dir`"):
        Worker(order(tiny, tmp_path, "elsewhere")).prepare()
    (tmp_path / "token").touch()
    from dataclasses import replace

    wanted = order(tiny, tmp_path)
    other = replace(wanted, checkpoint=replace(wanted.checkpoint, digest="0" * 64))
    with pytest.raises(CheckpointError, match="is another one on a worker's node than here"):
        Worker(other).prepare()


def test_a_store_that_has_all_needs_no_cluster(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint, settings = find_checkpoint(str(tiny), tmp_path), FeatureSettings()
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))
    expected = Extractor(encoder, checkpoint, settings, tmp_path).encode(["a", "b"]).gather()
    monkeypatch.setitem(sys.modules, "ray", None)
    with RayEngine(checkpoint, settings, ComputeSettings(Device.CPU), tmp_path) as engine:
        encoded = engine.encode(["b", "a", "b"])
        assert np.array_equal(encoded.gather(), expected[[1, 0, 1]])
        assert (encoded.counts.encoded, encoded.counts.reused, engine.device) == (0, 3, "none")
        with pytest.raises(
            SettingsError, match=r"`engine` is 'ray', which is not installed; pip install 'featx\[ray\]'"
        ):
            engine.encode(["new"])
    assert not list(tmp_path.glob(".tmp-*"))


@pytest.mark.parametrize("settings", [{"ray_cpus": 0}, {"ray_workers": 0}, {"ray_window": 0}])
def test_settings_of_ray(settings: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="is 0; expected 1 or more"):
        RaySettings(**settings)


def test_what_ray_prints_is_no_result(capsys: pytest.CaptureFixture[str]) -> None:
    """Ray's threads print the news of lost workers on standard output; results stand there alone."""
    with contextlib.redirect_stdout(WithoutRemarks(sys.stdout)):
        print("a result")
        thread = threading.Thread(target=lambda: print("(raylet) A worker died"), name="ray_listen_error_messages")
        thread.start()
        thread.join()
    assert capsys.readouterr().out == "a result\n"
