"""Out of memory halves the batch; everything is encoded once, and a text that is too large alone is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import make_texts

from featx.errors import ExtractionError
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.extraction import Extractor
from featx.features.memory import TextTooLargeError, halving, is_out_of_memory
from featx.settings import ComputeSettings, Device, FeatureSettings


@given(st.integers(1, 60), st.integers(1, 60))
def test_parts_are_in_order_and_fit(n: int, fits: int) -> None:
    def work(rows: np.ndarray) -> int:
        if len(rows) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return len(rows)

    parts = list(halving(np.arange(n), work))
    assert np.concatenate([rows for rows, _ in parts]).tolist() == list(range(n))
    assert all(len(rows) == result <= fits for rows, result in parts)


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        list(halving(np.arange(4), lambda rows: (_ for _ in ()).throw(RuntimeError("shapes do not match"))))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_one_row_too_large() -> None:
    with pytest.raises(TextTooLargeError) as error:
        list(halving(np.array([5, 9]), lambda rows: (_ for _ in ()).throw(MemoryError())))
    assert error.value.row == 5


class SmallMemory:
    """An encoder whose memory holds so many tokens, padding included."""

    def __init__(self, encoder: object, tokens: int) -> None:
        self.start_really, self.tokens = encoder.start, tokens

    def __call__(self, ids: list[list[int]], kinds: object) -> object:
        if len(ids) * max(map(len, ids)) > self.tokens:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.start_really(ids, kinds)


def test_extraction_goes_on_with_smaller_batches(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, _ = make_texts(80)
    checkpoint, settings = find_checkpoint(str(tiny), Path("unused")), FeatureSettings()
    encoder = load_encoder(checkpoint, settings, ComputeSettings(device=Device.CPU, batch_tokens=2048))
    expected = Extractor(encoder, checkpoint, settings, None).encode(texts).gather()
    monkeypatch.setattr(encoder, "start", SmallMemory(encoder, 100))
    made = Extractor(encoder, checkpoint, settings, None).encode(texts)
    assert np.allclose(made.gather(), expected, rtol=1e-5, atol=1e-6)
    assert made.counts.encoded == 80
    assert encoder.batch_tokens == 1024, "halved once a window, however many of its batches were too large"
    monkeypatch.setattr(encoder, "start", SmallMemory(encoder, 0))
    with pytest.raises(
        ExtractionError, match=r"out of memory with one text of \d+ tokens alone \('.*'\); lower `max_length`"
    ):
        Extractor(encoder, checkpoint, settings, None).encode(texts)
