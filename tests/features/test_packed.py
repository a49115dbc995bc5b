"""Laws of what makes the CPU faster: packed layers and filled-up attention compute what the plain ones do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import make_config, make_texts
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModel

from featx.features import packed
from featx.features.aligned_attention import NAME, aligned_attention, aligned_length
from featx.features.budget import usual_batch_tokens
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.settings import ComputeSettings, Device, Dtype, FeatureSettings

KNOWN = ["distilbert", "bert", "roberta", "xlm-roberta", "camembert", "electra", "mpnet"]
CPU = torch.device("cpu")


def model_of(kind: str, **changes: object) -> torch.nn.Module:
    torch.manual_seed(0)
    config = make_config(kind, 40, 2)
    for name, value in changes.items():
        setattr(config, name, value)
    return AutoModel.from_config(config).eval()


def states(model: torch.nn.Module) -> torch.Tensor:
    ids = torch.arange(4, 24).view(2, 10)
    mask = torch.ones_like(ids)
    mask[1, 7:] = 0
    with torch.inference_mode():
        return model(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()]


def n_packed(model: torch.nn.Module) -> int:
    return sum(type(module).__name__ == "PackedLinear" for module in model.modules())


@pytest.mark.parametrize("kind", KNOWN)
def test_packed_layers_compute_what_plain_ones_do(kind: str) -> None:
    model = model_of(kind)
    expected = states(model)
    if not packed.pack(model, 64):
        pytest.skip("this torch has no such operators")
    assert n_packed(model) == 2 * 6
    made = states(model)
    assert torch.linalg.vector_norm(made - expected) < 1e-6 * torch.linalg.vector_norm(expected)


@pytest.mark.parametrize(("kind", "setting"), [("bert", "hidden_act"), ("distilbert", "activation")])
def test_another_activation_stays_what_it_is(kind: str, setting: str) -> None:
    model = model_of(kind, **{setting: "relu"})
    expected = states(model)
    packed.pack(model, 64)
    made = states(model)
    assert torch.linalg.vector_norm(made - expected) < 1e-6 * torch.linalg.vector_norm(expected)


def test_a_model_of_unknown_layout_stays_as_it_is() -> None:
    model = model_of("deberta-v2")
    assert not packed.pack(model, 64)
    assert not n_packed(model)


@pytest.mark.parametrize("wrong", ["value", "missing", "nan"])
def test_operators_that_disagree_are_not_used(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    def broken(linear: torch.nn.Linear, batch_tokens: int, activation: str = "none") -> Callable:
        if wrong == "missing":
            raise NotImplementedError("no such operator")
        return lambda x: linear(x) * (1.001 if wrong == "value" else float("nan"))

    model = model_of("distilbert")
    expected = states(model)
    monkeypatch.setattr(packed, "_packed", broken)
    assert not packed.pack(model, 64)
    assert torch.equal(states(model), expected)


def test_an_encoder_is_packed_where_it_was_measured(tiny: Path) -> None:
    for dtype in (Dtype.FLOAT32, Dtype.BFLOAT16):
        checkpoint = find_checkpoint(str(tiny), Path("unused"))
        encoder = load_encoder(checkpoint, FeatureSettings(dtype=dtype), ComputeSettings(Device.CPU))
        worthwhile = packed.is_worthwhile(CPU, encoder.dtype)
        assert bool(n_packed(encoder.model)) == worthwhile
        aligned = worthwhile and dtype is Dtype.BFLOAT16
        assert encoder.model.config._attn_implementation == (NAME if aligned else "sdpa")


def test_batches_grow_where_tiles_multiply_and_for_narrow_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featx.features.budget.has_matrix_tiles", lambda: True)
    assert usual_batch_tokens(CPU, torch.bfloat16, 768) == 2 * usual_batch_tokens(CPU, torch.float32, 768)
    monkeypatch.setattr("featx.features.budget.has_matrix_tiles", lambda: False)
    assert usual_batch_tokens(CPU, torch.bfloat16, 768) == usual_batch_tokens(CPU, torch.float32, 768)
    sizes = [usual_batch_tokens(CPU, torch.float32, width) for width in range(16, 5_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) == 1_024


@pytest.mark.parametrize("n_tokens", [1, 13, 15, 16, 20, 29, 45, 64, 130])
@pytest.mark.parametrize("masked", [False, True])
def test_filled_up_attention_is_attention(n_tokens: int, masked: bool) -> None:
    chance = torch.Generator().manual_seed(n_tokens)
    query, key, value = (torch.randn(3, n_tokens, 4, 8, generator=chance).transpose(1, 2) for _ in range(3))
    mask = None
    if masked:
        lengths = torch.tensor([n_tokens, max(1, n_tokens // 2), 1])
        mask = (torch.arange(n_tokens) < lengths[:, None])[:, None, None].expand(3, 1, n_tokens, n_tokens)
    made, weights = aligned_attention(None, query, key, value, mask, scaling=0.4, dropout=0.0)
    expected = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=0.4).transpose(1, 2)
    assert weights is None
    assert made.shape == expected.shape
    assert torch.allclose(made, expected, atol=1e-6)


def test_lengths_are_filled_up_by_a_fifth_at_most() -> None:
    for n_tokens in range(1, 600):
        length = aligned_length(n_tokens)
        assert length == n_tokens or (length % 16 == 0 and n_tokens < length < n_tokens + 16)
        assert length - n_tokens <= length / 5


def test_bfloat16_of_long_and_short_texts_stays_near_float32(tiny: Path) -> None:
    """Every text, so that a mask that lets filling through would show."""
    texts, _ = make_texts(60, longest=38)
    checkpoint = find_checkpoint(str(tiny), Path("unused"))
    from featx.features.extraction import Extractor

    made = []
    for dtype in (Dtype.FLOAT32, Dtype.BFLOAT16):
        settings = FeatureSettings(dtype=dtype)
        encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU, 300))
        made.append(Extractor(encoder, checkpoint, settings, None).encode(texts).gather())
    error = np.linalg.norm(made[0] - made[1], axis=1) / np.linalg.norm(made[0], axis=1)
    assert error.max() < 0.1
