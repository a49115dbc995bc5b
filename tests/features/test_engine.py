"""One planner of windows for all engines: each text that lacks once, in windows of one size, whatever is under way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import make_texts

from featx.data import text_digests
from featx.errors import ExtractionError, SettingsError
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.engine import open_engine
from featx.features.engine_ray import RayEngine
from featx.features.extraction import Extractor
from featx.features.spec import FeatureSpec
from featx.features.store import FeatureStore
from featx.features.windows import WindowPlanner
from featx.settings import ComputeSettings, Device, Dtype, Engine, FeatureSettings, Pooling, RaySettings

SPEC = FeatureSpec("model", "tokenizer", 128, 6, Pooling.CLS, Dtype.FLOAT32)
TEXTS = st.lists(st.sampled_from([f"text {i}" for i in range(40)]), max_size=120)


def put(store: FeatureStore, texts: list[str]) -> None:
    store.put(text_digests(texts), np.ones((len(texts), 2), np.float32), {})


@given(TEXTS, st.integers(1, 20), st.lists(st.sampled_from([f"text {i}" for i in range(40)]), unique=True))
def test_all_that_lacks_is_planned_once_where_others_write(texts: list[str], size: int, stored: list[str]) -> None:
    """As for Ray: the stores of this process never hear of what was written."""
    store = FeatureStore(None, SPEC, 2)
    put(store, stored)
    planner = WindowPlanner([store], size, remember=None)
    windows = list(planner.windows(iter(texts)))
    planned = [text for window in windows for text in window.texts]
    assert planned == [text for text in dict.fromkeys(texts) if text not in stored]
    assert all(len(window.texts) == size for window in windows[:-1])
    assert all(np.array_equal(text_digests(window.texts), window.digests) for window in windows)
    assert planner.n_texts == len(texts)
    assert np.array_equal(planner.digests, text_digests(texts))


@given(TEXTS, st.integers(1, 20), st.integers(1, 3))
def test_what_is_stored_in_time_need_not_be_remembered(texts: list[str], size: int, remember: int) -> None:
    """As in this process: a window is stored when `remember` more have been taken."""
    store = FeatureStore(None, SPEC, 2)
    planner = WindowPlanner([store], size, remember=remember)
    taken: list[list[str]] = []
    for window in planner.windows(texts):
        taken.append(window.texts)
        if len(taken) > remember:
            put(store, taken[-1 - remember])
    assert [text for window in taken for text in window] == list(dict.fromkeys(texts))
    assert len(planner._taken) <= remember


def test_windows_may_grow_and_texts_are_read_as_they_are_asked_for() -> None:
    read: list[int] = []

    def texts():
        for i in range(1_000):
            read.append(i)
            yield f"text {i}"

    planner = WindowPlanner([FeatureStore(None, SPEC, 2)], 10, remember=2)
    windows = planner.windows(texts())
    assert len(next(windows).texts) == 10
    assert len(read) == 10
    planner.size = 100
    assert len(next(windows).texts) == 100
    assert len(read) == 110


def test_what_is_no_text_is_named() -> None:
    with pytest.raises(ExtractionError, match="text 2 is of type int"):
        list(WindowPlanner([], 10, remember=2).windows(["a", 1]))


def test_this_process_is_the_engine_unless_ray_is_named(tiny: Path, tmp_path: Path) -> None:
    texts, _ = make_texts(30)
    checkpoint, settings = find_checkpoint(str(tiny), tmp_path), FeatureSettings(layer=(0, -1))
    compute = ComputeSettings(Device.CPU)
    expected = Extractor(load_encoder(checkpoint, settings, compute), checkpoint, settings, None).encode(texts)
    for ray in (None, RaySettings()):
        with open_engine(checkpoint, settings, compute, tmp_path, ray) as engine:
            assert (engine.hidden_size, engine.device) == (32, "cpu")
            encoded = engine.encode(texts)
            for kind in range(len(engine.specs)):
                assert encoded.gather(kind).tobytes() == expected.gather(kind).tobytes()
    with open_engine(checkpoint, settings, compute, tmp_path, RaySettings(engine=Engine.RAY)) as engine:
        assert isinstance(engine, RayEngine)
        assert [spec.name for spec in engine.specs] == [spec.name for spec in expected_specs(checkpoint, settings)]
        assert (engine.hidden_size, engine.device) == (32, "none")
        assert engine.encode(texts).counts.reused == 30, "nothing lacks, so no cluster is started"


def expected_specs(checkpoint, settings):
    return Extractor(load_encoder(checkpoint, settings, ComputeSettings(Device.CPU)), checkpoint, settings, None).specs


def test_an_encoder_that_is_loaded_already_is_taken(tiny: Path, tmp_path: Path) -> None:
    checkpoint, settings = find_checkpoint(str(tiny), tmp_path), FeatureSettings()
    mine = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))
    with open_engine(checkpoint, settings, ComputeSettings(), tmp_path, encoder=lambda: mine) as engine:
        assert engine.encoder is mine


def test_ray_needs_a_cache(tiny: Path) -> None:
    checkpoint = find_checkpoint(str(tiny), Path("unused"))
    with (
        pytest.raises(SettingsError, match="give a `cache_dir`"),
        open_engine(checkpoint, FeatureSettings(), ComputeSettings(), None, RaySettings(engine=Engine.RAY)),
    ):
        pass
