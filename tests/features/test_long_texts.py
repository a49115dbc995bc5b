"""Texts longer than `max_length`: what is kept of them, and that windows give what plain Transformers gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from architectures import make
from hypothesis import given
from hypothesis import strategies as st
from tiny import make_texts, make_tokenizer
from transformers import AutoModel, AutoTokenizer

from featx.errors import SettingsError
from featx.features import long_tokens
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder, planned_specs
from featx.features.extraction import Extractor
from featx.features.joining import JoinedVectors
from featx.features.long_tokens import n_windows, window_shares, window_spans
from featx.features.ray_worker import Order, Worker
from featx.features.store.token import leave_token
from featx.features.tokens import TokenizedTexts, Tokenizer
from featx.settings import ComputeSettings, Device, FeatureSettings, Long, Pooling
from featx.sklearn import FeatureExtractor

SHORT, _ = make_texts(30, seed=1, longest=10)
LONG = [" ".join(make_texts(10, seed, longest=12)[0]) for seed in range(2, 8)]
MIXED = [text for pair in zip(SHORT, LONG, strict=False) for text in pair] + SHORT[len(LONG) :]
KINDS = FeatureSettings(layer=None, pooling=(Pooling.CLS, Pooling.MEAN), max_length=16)


def extractor(folder: Path, long: Long, cache: Path | None = None, settings: FeatureSettings = KINDS) -> Extractor:
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    settings = replace(settings, long=(long,))
    encoder = load_encoder(checkpoint, settings, ComputeSettings(device=Device.CPU, batch_tokens=64))
    return Extractor(encoder, checkpoint, settings, cache)


@given(st.integers(0, 400), st.integers(1, 60))
def test_windows_cover_the_text_and_overlap_by_an_eighth(n_tokens: int, room: int) -> None:
    spans = window_spans(n_tokens, room)
    times = np.zeros(n_tokens)
    for start, stop in spans:
        assert stop - start <= room
        times[start:stop] += 1
    assert (times >= 1).all()
    assert all(before[1] - after[0] == room // 8 for before, after in itertools.pairwise(spans))
    assert all(stop - start == room for start, stop in spans[:-1])
    assert len(spans) == n_windows(np.array([n_tokens]), room)[0]
    assert len(spans) == 1 or spans[-1][1] - spans[-1][0] > room // 8, "a window has tokens of its own"
    if n_tokens:
        shares = [sum(1 / times[token] for token in range(*span)) / n_tokens for span in spans]
        assert np.allclose(window_shares(spans), shares)


def test_head_and_tail_are_those_of_sun_et_al() -> None:
    words = " ".join(make_tokenizer("bert").get_vocab())
    hf: Any = make_tokenizer("bert")
    text = " ".join([words] * 30)
    whole = hf(text, verbose=False)["input_ids"]
    (row,) = [made[0] for made in [Tokenizer(hf, 512)([text], Long.HEAD_TAIL)]]
    assert row.tolist() == [*whole[:129], *whole[-383:]]  # [CLS] and 128 tokens; 382 and [SEP]


@pytest.mark.parametrize("kind", ["bert", "roberta", "canine"])
@pytest.mark.parametrize("max_length", [6, 16, 33])
def test_rows_are_those_of_transformers(tmp_path: Path, kind: str, max_length: int) -> None:
    folder = make(tmp_path / kind, kind) if kind == "canine" else None
    hf: Any = AutoTokenizer.from_pretrained(folder) if folder else make_tokenizer(kind)
    made = Tokenizer(hf, max_length)(MIXED, Long.WINDOWS)
    cut, ends = Tokenizer(hf, max_length)(MIXED), Tokenizer(hf, max_length)(MIXED, Long.HEAD_TAIL)
    room = max_length - 2
    assert made.n_texts == cut.n_texts == ends.n_texts == len(MIXED)
    assert made.n_truncated == 0
    assert (
        ends.n_truncated
        == cut.n_truncated
        == sum(len(hf(text, verbose=False)["input_ids"]) > max_length for text in MIXED)
    )
    for position, text in enumerate(MIXED):
        whole = hf(text, verbose=False)["input_ids"]
        rows = [made[row].tolist() for row in made.rows_of(np.array([position]))]
        assert rows[0] == cut[position].tolist()
        if len(whole) <= max_length:
            assert rows == [whole] == [ends[position].tolist()]
            continue
        head = min(max_length // 4, room - 1)
        assert ends[position].tolist() == whole[: 1 + head] + whole[-1 - room + head :]
        if hf.is_fast:
            stride = hf(text, truncation=True, max_length=max_length, stride=room // 8, return_overflowing_tokens=True)
            assert rows == stride["input_ids"]
        assert sum(len(row) - 2 for row in rows) == len(whole) - 2 + (len(rows) - 1) * (room // 8)


def pooled(state: np.ndarray, pooling: Pooling) -> np.ndarray:
    """Vector of one window, from its tokens' states, shape (n_tokens, hidden_size)."""
    places = np.arange(1, len(state) + 1)[:, None]
    return {
        Pooling.CLS: state[0],
        Pooling.LAST: state[-1],
        Pooling.MAX: state.max(axis=0),
        Pooling.MEAN: state.mean(axis=0),
        Pooling.WEIGHTED_MEAN: (places * state).sum(axis=0) / places.sum(),
    }[pooling]


@pytest.mark.parametrize("kind", ["distilbert", "roberta"])
def test_pooled_windows_equal_plain_transformers(checkpoints: Callable[[str], Path], kind: str) -> None:
    """Each window by itself, pooled; then each token of the text counts as one, half in each of two windows."""
    folder = checkpoints(kind)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32)
    poolings = tuple(pooling for pooling in Pooling if pooling is not Pooling.AUTO)
    made = extractor(folder, Long.WINDOWS, settings=replace(KINDS, pooling=poolings))
    encoded = made.encode(MIXED)
    assert encoded.counts.encoded == len(MIXED)
    assert encoded.counts.truncated == 0
    for position, text in enumerate(MIXED):
        windows = tokenizer(text, truncation=True, max_length=16, stride=14 // 8, return_overflowing_tokens=True)
        sums, total = dict.fromkeys(made.kinds, 0.0), 0.0
        n = len(windows["input_ids"])
        for k, ids in enumerate(windows["input_ids"]):
            weight = len(ids) - 2 - (0.5 * (k > 0) + 0.5 * (k < n - 1)) * (14 // 8)
            total += weight
            with torch.inference_mode():
                states = model.eval()(torch.tensor([ids]), output_hidden_states=True).hidden_states
            for layer, pooling in made.kinds:
                vector = pooled(states[layer][0].double().numpy(), pooling)
                if pooling is Pooling.MAX:
                    sums[layer, pooling] = vector if k == 0 else np.maximum(sums[layer, pooling], vector)
                else:
                    sums[layer, pooling] += weight * vector
        assert total == len(tokenizer(text, verbose=False)["input_ids"]) - 2
        for number, pair in enumerate(made.kinds):
            expected = sums[pair] if pair[1] is Pooling.MAX else sums[pair] / total
            assert np.allclose(encoded.gather(number)[position], expected, rtol=1e-4, atol=1e-5)


def test_vectors_are_joined_as_they_come_whatever_the_order() -> None:
    rng = np.random.default_rng(0)
    texts = np.repeat(np.arange(5), [1, 3, 1, 2, 4])
    shares = np.concatenate([part / part.sum() for part in (rng.random(n) + 0.1 for n in (1, 3, 1, 2, 4))])
    tokens = TokenizedTexts(np.arange(11, dtype=np.int32), np.arange(12), 0, texts, shares)
    vectors = rng.normal(size=(11, 8)).astype(np.float32)
    poolings = [pooling for pooling in Pooling if pooling is not Pooling.AUTO]
    for order in (np.arange(11), rng.permutation(11)):
        joined = JoinedVectors(tokens, poolings, 8)
        done = [joined.add(rows, [vectors[rows]] * len(poolings)) for rows in np.array_split(order, 3)]
        assert sum(done) == 5
        for pooling, made in zip(poolings, joined.vectors(), strict=True):
            for text in range(5):
                own = texts == text
                mean = (shares[own, None] * vectors[own].astype(np.float64)).sum(axis=0)
                slow = vectors[own].max(axis=0) if pooling is Pooling.MAX else mean
                assert np.allclose(made[text], slow, rtol=1e-6)
                if own.sum() == 1:
                    assert made[text].tobytes() == vectors[own][0].tobytes()


def test_short_texts_give_the_very_same_vectors(tiny: Path) -> None:
    expected = extractor(tiny, Long.CUT).encode(SHORT)
    for long in (Long.HEAD_TAIL, Long.WINDOWS):
        made = extractor(tiny, long).encode(SHORT)
        for kind in range(6):
            assert made.gather(kind).tobytes() == expected.gather(kind).tobytes()


def test_only_long_texts_change_among_long_ones(tiny: Path) -> None:
    expected = extractor(tiny, Long.CUT).encode(MIXED)
    is_long = np.array([text in LONG for text in MIXED])
    for long in (Long.HEAD_TAIL, Long.WINDOWS):
        made = extractor(tiny, long).encode(MIXED)
        same = np.isclose(made.gather(5), expected.gather(5), rtol=1e-4, atol=1e-5).all(axis=1)
        assert np.array_equal(same, ~is_long)


def test_a_text_of_100_000_tokens_stays_within_the_budget(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = extractor(tiny, Long.WINDOWS, settings=FeatureSettings(pooling=(Pooling.MEAN,)))
    made.encoder.batch_tokens = 4_096
    sizes: list[int] = []
    start = made.encoder.start

    def watched(ids: Any, kinds: Any) -> Any:
        sizes.append(len(ids) * max(map(len, ids)))
        return start(ids, kinds)

    monkeypatch.setattr(made.encoder, "start", watched)
    encoded = made.encode(["good bad " * 50_000, "good"])
    assert encoded.counts.encoded == 2
    assert encoded.counts.tokens > 100_000
    assert max(sizes) <= 4_096
    assert np.isfinite(encoded.gather()).all()


def test_blocks_of_texts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = Tokenizer(make_tokenizer("bert"), 16)
    whole = tokenizer(MIXED, Long.WINDOWS)
    monkeypatch.setattr(long_tokens, "_BLOCK", 50)
    parts = tokenizer(MIXED, Long.WINDOWS)
    assert np.array_equal(whole.flat, parts.flat)
    assert np.array_equal(whole.offsets, parts.offsets)


def test_the_prompt_stands_in_every_window_and_before_the_head() -> None:
    hf: Any = make_tokenizer("bert")
    prompt = hf("the train", add_special_tokens=False)["input_ids"]
    tokenizer = Tokenizer(hf, 16, prompt="the train ")
    made, cut = tokenizer(MIXED, Long.WINDOWS), tokenizer(MIXED)
    ends = tokenizer(MIXED, Long.HEAD_TAIL)
    assert len(made) > len(MIXED)
    assert all(made[row][1:3].tolist() == prompt for row in range(len(made)))
    assert all(ends[row][1:3].tolist() == prompt for row in range(len(ends)))
    whole = hf(LONG[0], verbose=False)["input_ids"]
    assert ends[1].tolist() == [whole[0], *prompt, *whole[1:5], *whole[-9:]]
    assert made[1].tolist() == cut[1].tolist()
    text = [token for row in made.rows_of(np.array([1])) for token in made[row][3:-1].tolist()]
    assert len(text) == len(whole) - 2 + (len(made.rows_of(np.array([1]))) - 1) * (12 // 8)
    with pytest.raises(
        SettingsError, match=r"`prompt` takes 2 tokens, which leaves no room for text in `max_length` 4"
    ):
        Tokenizer(hf, 4, prompt="the train ")(LONG, Long.WINDOWS)


def test_the_store_keeps_a_vector_a_text_for_each_way(tiny: Path, tmp_path: Path) -> None:
    names = set()
    for long in Long:
        made = extractor(tiny, long, tmp_path)
        first = made.encode(MIXED)
        assert (first.counts.encoded, first.counts.truncated) == (len(MIXED), 0 if long is Long.WINDOWS else len(LONG))
        again = extractor(tiny, long, tmp_path).encode(MIXED)
        assert (again.counts.encoded, again.counts.reused) == (0, len(MIXED))
        assert again.gather(3).tobytes() == first.gather(3).tobytes()
        names.update(spec.name for spec in made.specs)
    assert len(names) == 18
    checkpoint = find_checkpoint(str(tiny), Path("unused"))
    assert [s.name for s in planned_specs(checkpoint, replace(KINDS, long=tuple(Long)))] == [
        spec.name for long in Long for spec in extractor(tiny, long).specs
    ]
    assert "long" not in extractor(tiny, Long.CUT).specs[0].facts()


def test_a_worker_of_ray_stores_the_same(tiny: Path, tmp_path: Path) -> None:
    leave_token(tmp_path, "token")
    checkpoint = find_checkpoint(str(tiny), tmp_path)
    settings = replace(KINDS, long=(Long.WINDOWS,))
    worker = Worker(Order(checkpoint, settings, ComputeSettings(Device.CPU, 64), tmp_path, "token"))
    worker.prepare()
    counts = worker.encode(MIXED)
    assert (counts.encoded, counts.truncated) == (len(MIXED), 0)
    there = extractor(tiny, Long.WINDOWS, tmp_path).encode(MIXED)
    assert there.counts.encoded == 0
    expected = extractor(tiny, Long.WINDOWS).encode(MIXED)
    assert np.allclose(there.gather(5), expected.gather(5), rtol=1e-5, atol=1e-6)


def test_one_extraction_has_one_way(tiny: Path) -> None:
    checkpoint = find_checkpoint(str(tiny), Path("unused"))
    settings = replace(KINDS, long=(Long.CUT, Long.WINDOWS))
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))
    with pytest.raises(SettingsError, match="`long` names cut, windows, where only one way to read long texts can be"):
        Extractor(encoder, checkpoint, settings, None)


def test_the_transformer_of_scikit_learn_reads_windows(tiny: Path, tmp_path: Path) -> None:
    made = FeatureExtractor(
        str(tiny), pooling="mean", max_length=16, long="windows", device="cpu", cache_dir=tmp_path, batch_tokens=64
    )
    expected = extractor(tiny, Long.WINDOWS).encode(MIXED).gather(5)
    assert np.allclose(made.fit_transform(MIXED), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(SettingsError, match="`long` is 'all'; expected one of: cut, head-tail, windows"):
        FeatureExtractor(str(tiny), long="all").fit(MIXED)
