"""Extraction through the store: each text once, order restored, restarts go on, nothing grows."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import make_texts

from featx.errors import ExtractionError
from featx.features import extraction
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import Encoder, load_encoder
from featx.features.extraction import Extractor
from featx.features.pipeline import ahead
from featx.settings import ComputeSettings, Device, FeatureSettings, Pooling

TEXTS, _ = make_texts(120)


def extractor(folder: Path, cache: Path | None, features: FeatureSettings | None = None) -> Extractor:
    features = features or FeatureSettings()
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    return Extractor(
        load_encoder(checkpoint, features, ComputeSettings(device=Device.CPU)), checkpoint, features, cache
    )


@pytest.fixture(scope="session")
def alone(tiny: Path) -> dict[str, np.ndarray]:
    """Vector of each text, extracted one by one."""
    made = extractor(tiny, None)
    return {text: made.encode([text]).gather()[0] for text in TEXTS}


@given(st.lists(st.sampled_from(TEXTS), max_size=60), st.integers(1, 20))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_is_restored_and_each_text_encoded_once(
    tiny: Path, alone: dict[str, np.ndarray], texts: list[str], window: int
) -> None:
    made = extractor(tiny, None)
    made._window_size = window
    encoded = made.encode(iter(texts))
    features = encoded.gather()
    assert features.shape == (len(texts), 32)
    for text, vector in zip(texts, features, strict=True):
        assert np.allclose(vector, alone[text], rtol=1e-5, atol=1e-6)
    assert encoded.counts.texts == len(texts)
    assert encoded.counts.encoded == len(set(texts))
    assert encoded.counts.reused == len(texts) - len(set(texts))


def test_what_is_stored_comes_back_bit_for_bit(tiny: Path, tmp_path: Path) -> None:
    first = extractor(tiny, tmp_path).encode(TEXTS)
    again = extractor(tiny, tmp_path).encode(TEXTS[::-1])
    assert first.counts.encoded == 120
    assert (again.counts.encoded, again.counts.reused, again.counts.tokens) == (0, 120, 0)
    assert first.gather().tobytes() == np.ascontiguousarray(again.gather()[::-1]).tobytes()


def test_one_new_text_encodes_one_text(tiny: Path, tmp_path: Path) -> None:
    extractor(tiny, tmp_path).encode(TEXTS[:100])
    counts = extractor(tiny, tmp_path).encode(TEXTS[:101] * 3).counts
    assert (counts.encoded, counts.reused) == (1, 302)


def test_more_layers_encode_for_all_but_store_each_once(tiny: Path, tmp_path: Path) -> None:
    last = extractor(tiny, tmp_path)
    last.encode(TEXTS)
    files = len(list(tmp_path.rglob("*.npy")))
    every = extractor(tiny, tmp_path, FeatureSettings(layer=None, pooling=(Pooling.CLS, Pooling.MEAN)))
    every.encode(TEXTS)
    names = {spec.name for spec in every.specs}
    assert last.specs[0].name in names
    assert len(list(tmp_path.rglob("*.npy"))) == 6 * files


def test_a_failing_source_is_raised_and_what_was_finished_is_kept(tiny: Path, tmp_path: Path) -> None:
    def texts() -> Iterator[str]:
        yield from TEXTS[:60]
        raise RuntimeError("the source broke")

    made = extractor(tiny, tmp_path)
    made._window_size = 20
    monkey = extraction._FIRST_WINDOW
    extraction._FIRST_WINDOW = 20
    try:
        with pytest.raises(RuntimeError, match="the source broke"):
            made.encode(texts())
    finally:
        extraction._FIRST_WINDOW = monkey
    assert extractor(tiny, tmp_path).encode(TEXTS[:20]).counts.encoded == 0


def test_the_cost_of_reused_texts_is_remembered(tiny: Path, tmp_path: Path) -> None:
    first = extractor(tiny, tmp_path).encode(TEXTS)
    again = extractor(tiny, tmp_path).encode(TEXTS)
    assert first.encode_seconds > 0
    assert again.encode_seconds == pytest.approx(first.encode_seconds)


def test_one_pass_for_many_layers_costs_each_of_them_the_whole_pass(tiny: Path, tmp_path: Path) -> None:
    every = extractor(tiny, tmp_path, FeatureSettings(layer=None, pooling=(Pooling.CLS, Pooling.MEAN))).encode(TEXTS)
    alone = extractor(tiny, tmp_path).encode(TEXTS)
    assert alone.counts.encoded == 0
    assert alone.encode_seconds == pytest.approx(every.encode_seconds)
    assert every.encode_seconds <= every.counts.extract_seconds


def test_arrow_columns_and_generators_are_texts_too(tiny: Path) -> None:
    import datasets
    import pyarrow as pa

    expected = extractor(tiny, None).encode(TEXTS).gather()
    sources = (
        pa.chunked_array([TEXTS[:50], TEXTS[50:]]),
        (t for t in TEXTS),
        datasets.Dataset.from_dict({"t": TEXTS})["t"],
    )
    for source in sources:
        assert np.array_equal(extractor(tiny, None).encode(source).gather(), expected)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["fine", None], r"text 2 is of type NoneType, expected a string"),
        ([3], r"text 1 is of type int"),
        (["a \ud800"], r"text 1 holds a lone surrogate"),
    ],
)
def test_what_is_no_text_is_named(tiny: Path, texts: list, words: str) -> None:
    with pytest.raises(ExtractionError, match=words):
        extractor(tiny, None).encode(texts)


def test_no_texts_at_all(tiny: Path) -> None:
    encoded = extractor(tiny, None).encode([])
    assert encoded.gather().shape == (0, 32)
    assert encoded.counts.texts_per_second == 0


def test_progress_ends_complete(tiny: Path) -> None:
    seen = []
    extractor(tiny, None).encode(TEXTS + TEXTS[:5], lambda p: seen.append((p.counts.encoded, p.counts.reused)))
    assert seen[-1] == (120, 5)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.filterwarnings("ignore:all texts have one and the same vector")
def test_memory_does_not_grow_with_the_number_of_texts(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own peak while texts stream through: windows and digests, not the texts."""
    monkeypatch.setattr(extraction, "_LARGEST_WINDOW", 256)
    monkeypatch.setattr(extraction, "_FIRST_WINDOW", 256)

    def peak(n: int) -> int:
        made = extractor(tiny, None, FeatureSettings(max_length=4))
        made._window_size = 256
        # Long texts, short features: held texts would show.
        texts = (f"{i} " + "good " * 400 for i in range(n))
        known = made.encode(["warm up"])
        assert known
        tracemalloc.start()
        made.encode(texts)
        _, top = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return top

    small, large = peak(512), peak(4096)
    assert large < small + 4096 * (32 * 4 + 200)


def test_waiting_for_tokens_is_counted_from_the_second_item_on() -> None:
    def slow() -> Iterator[int]:
        for item in range(4):
            time.sleep(0.05)
            yield item

    with ahead(slow()) as items:
        assert list(items) == [0, 1, 2, 3]
        assert items.waited_seconds >= 0.14
    with ahead(range(4)) as items:
        for _ in items:
            time.sleep(0.05)
        assert items.waited_seconds < 0.1


def test_ahead_is_one_item_ahead_and_stops_early() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    before = threading.active_count()
    with ahead(source()) as items:
        assert next(items) == 0
    assert len(made) <= 3
    assert threading.active_count() == before


def test_weights_are_loaded_only_for_texts_that_the_store_lacks(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = extractor(tiny, tmp_path).encode(TEXTS).gather()
    loaded = []
    load = Encoder.load

    def slow(self: Encoder) -> float:
        loaded.append(True)
        return load(self) + 1_000

    monkeypatch.setattr(Encoder, "load", slow)
    warm = extractor(tiny, tmp_path)
    assert np.array_equal(warm.encode(TEXTS).gather(), expected)
    assert loaded == []
    assert warm.encoder._model is None
    counts = warm.encode(["new", *TEXTS]).counts
    assert (counts.encoded, len(loaded)) == (1, 1)
    assert counts.extract_seconds < 0, "loading is taken off the seconds"


def test_lacks_says_which_texts_are_new(tiny: Path, tmp_path: Path) -> None:
    made = extractor(tiny, tmp_path)
    made.encode(TEXTS[:2])
    assert made.lacks(["new", TEXTS[1], TEXTS[0], "newer"]).tolist() == [True, False, False, True]


def test_one_and_the_same_vector_for_all_texts_is_said(tiny: Path, tmp_path: Path) -> None:
    from featx.errors import FeatxWarning
    from featx.features.checkpoint import find_checkpoint
    from featx.features.encoder import load_encoder
    from featx.features.extraction import Extractor
    from featx.settings import ComputeSettings, FeatureSettings, Pooling

    four = ["a day", "a train", "a bus", "a phone"]
    checkpoint = find_checkpoint(str(tiny), Path("unused"))
    embeddings = FeatureSettings(layer=(0,))

    def made(features: FeatureSettings) -> Extractor:
        return Extractor(load_encoder(checkpoint, features, ComputeSettings()), checkpoint, features, tmp_path)

    words = r"all texts have one and the same vector in layer 0 with pooling cls, so no classifier can tell them apart"
    with pytest.warns(FeatxWarning, match=words):
        encoded = made(embeddings).encode(four)
    with pytest.warns(FeatxWarning, match=words):
        encoded.gather()
    with pytest.warns(FeatxWarning, match=words):
        made(embeddings).encode(four).gather()
    made(embeddings).encode(["a day"] * 4).gather()  # one text twice
    made(FeatureSettings(layer=(0,), pooling=(Pooling.MEAN,))).encode(four).gather()
    made(FeatureSettings(layer=(0, 1))).encode(four).gather()
