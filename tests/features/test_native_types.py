"""Which type `auto` stands for, and the remark on one that is slow here."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from trainings import SHORT, dataset, train

from featx.errors import FeatxWarning, SettingsError
from featx.features import native_types
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.extraction import Extractor
from featx.features.native_types import fastest_type, is_native, speed, tell_if_slow, with_type
from featx.features.spec import FeatureSpec
from featx.settings import ComputeSettings, Device, Dtype, FeatureSettings, FinetuneSettings, Pooling, RaySettings

CPU, CUDA, MPS = (torch.device(kind) for kind in ("cpu", "cuda", "mps"))
AUTO = FeatureSettings(dtype=Dtype.AUTO, pooling=(Pooling.CLS,))


@pytest.fixture(autouse=True)
def _new_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(native_types, "_told", set())
    speed.cache_clear()
    yield
    speed.cache_clear()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """From what torch says of a machine, and the ratio that is measured there, to that machine."""

    def become(tiles: bool = False, products: bool = False, ratio: float = 1.0, capability: tuple = (8, 0)) -> None:
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: products)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
        monkeypatch.setattr(native_types, "speed", lambda dtype, device, width: ratio)

    return become


@pytest.mark.parametrize(
    ("tiles", "products", "ratio", "expected"),
    [
        (True, True, 4.0, Dtype.BFLOAT16),
        (False, True, 1.6, Dtype.BFLOAT16),
        (False, True, 0.5, Dtype.FLOAT32),  # instructions that are slower than those of float32
        (False, False, 1.5, Dtype.FLOAT32),  # emulated, and timed in a lucky moment
        (False, False, 0.1, Dtype.FLOAT32),
    ],
)
def test_a_cpu_takes_bfloat16_where_it_is_native_and_faster(
    machine: Callable[..., None], tiles: bool, products: bool, ratio: float, expected: Dtype
) -> None:
    machine(tiles, products, ratio)
    assert fastest_type(CPU) is expected
    assert is_native(Dtype.BFLOAT16, CPU) is (tiles or products)
    assert not is_native(Dtype.FLOAT16, CPU)
    assert with_type(AUTO, ComputeSettings(Device.CPU)).dtype is expected
    assert with_type(FinetuneSettings(dtype=Dtype.AUTO), ComputeSettings(Device.CPU)).dtype is expected


def test_a_gpu_takes_what_its_generation_has_units_for(machine: Callable[..., None]) -> None:
    for capability, expected in (((7, 5), Dtype.FLOAT16), ((8, 0), Dtype.BFLOAT16), ((9, 0), Dtype.BFLOAT16)):
        machine(capability=capability)
        assert fastest_type(CUDA) is expected
    assert fastest_type(MPS) is Dtype.FLOAT32


def test_a_type_that_is_named_stays(machine: Callable[..., None]) -> None:
    machine(tiles=True, ratio=5.0)
    for dtype in (Dtype.FLOAT32, Dtype.BFLOAT16):
        assert with_type(replace(AUTO, dtype=dtype), ComputeSettings(Device.CPU)).dtype is dtype
    assert FeatureSettings().dtype is FinetuneSettings().dtype is Dtype.FLOAT32


def test_workers_elsewhere_are_not_guessed_at(machine: Callable[..., None]) -> None:
    machine(tiles=True, ratio=5.0)
    here = RaySettings("ray")
    assert with_type(AUTO, ComputeSettings(Device.CPU), here).dtype is Dtype.BFLOAT16
    with pytest.raises(SettingsError, match=r"`dtype` is 'auto', but which types the workers .* name one: float32"):
        with_type(AUTO, ComputeSettings(Device.CPU), replace(here, ray_address="head:6379"))


def test_a_feature_is_never_named_auto(tiny: Path, machine: Callable[..., None]) -> None:
    checkpoint = find_checkpoint(str(tiny), Path("unused"))
    for products, expected in ((False, Dtype.FLOAT32), (True, Dtype.BFLOAT16)):
        machine(products=products, ratio=2.0)
        encoder = load_encoder(checkpoint, AUTO, ComputeSettings(Device.CPU))
        made = Extractor(encoder, checkpoint, AUTO, None)
        named = Extractor(encoder, checkpoint, replace(AUTO, dtype=expected), None)
        assert made.features.dtype is made.specs[0].dtype is expected
        assert made.specs == named.specs
    with pytest.raises(ValueError, match="auto; resolve it first"):
        FeatureSpec("a", "b", 8, 0, Pooling.CLS, Dtype.AUTO)


def test_the_transformer_of_scikit_learn_says_which_type_it_took(tiny: Path, tmp_path: Path) -> None:
    from featx.sklearn import FeatureExtractor

    made = FeatureExtractor(str(tiny), dtype="auto", device="cpu", cache_dir=tmp_path).fit(["a", "b"])
    assert made.settings_.dtype is fastest_type(CPU)


@pytest.mark.parametrize(("products", "words"), [(False, "only emulates"), (True, "has slow units for")])
def test_a_slow_type_is_told_once_before_the_work(
    tiny: Path, machine: Callable[..., None], products: bool, words: str
) -> None:
    machine(products=products, ratio=0.1)
    checkpoint, settings = find_checkpoint(str(tiny), Path("unused")), replace(AUTO, dtype=Dtype.BFLOAT16)
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))
    with pytest.warns(FeatxWarning, match=rf"`dtype` is 'bfloat16', which this cpu {words}: .* 10\.0 times as long"):
        encoder.load()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_encoder(checkpoint, settings, ComputeSettings(Device.CPU)).load()
        train(tiny, replace(SHORT, max_steps=1, dtype=Dtype.BFLOAT16), data=dataset(24))


def test_fine_tuning_tells_as_well_and_fast_types_are_not_told(tiny: Path, machine: Callable[..., None]) -> None:
    short = replace(SHORT, max_steps=1)
    machine(products=True, ratio=1.4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for dtype in (Dtype.FLOAT32, Dtype.AUTO, Dtype.BFLOAT16):
            train(tiny, replace(short, dtype=dtype), data=dataset(24))
        tell_if_slow(Dtype.BFLOAT16, CUDA, 768)
    native_types._told.clear()
    machine(ratio=0.2)
    with pytest.warns(FeatxWarning, match=r"only emulates: .* \(32\) take 5\.0 times as long"):
        train(tiny, replace(short, dtype=Dtype.BFLOAT16), data=dataset(24))


def test_the_ratio_is_measured() -> None:
    """On this machine, whatever it is: float32 against itself is near 1, and the same answer comes back at once."""
    assert 0.2 < speed(Dtype.FLOAT32, CPU, 256) < 5
    found = speed(Dtype.BFLOAT16, CPU, 256)
    assert found > 0
    assert speed(Dtype.BFLOAT16, CPU, 256) == found


def test_runs_and_caches_hold_the_type_that_auto_stands_for(
    tiny: Path, tweets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the run is the same as one with that type by name."""
    import featx

    monkeypatch.setattr(native_types, "fastest_type", lambda device: Dtype.BFLOAT16)
    there = {"cache_dir": tmp_path / "cache", "results": tmp_path / "results", "device": "cpu"}
    session = featx.Session(tweets, str(tiny), **there)
    (run,) = session.baseline(methods="logreg", dtype="auto")
    record = json.loads((run.folder / "run.json").read_text())
    assert record["features"]["dtype"] == "bfloat16"
    (again,) = session.baseline(methods="logreg", dtype="bfloat16")
    assert again.folder == run.folder
    (tuned,) = session.finetune(dtype="auto", max_steps=1)
    assert tuned.record.settings["dtype"] == "bfloat16"
    assert len(featx.predict(run.folder, ["good food"], cache_dir=tmp_path / "cache", device="cpu")) == 1
