"""Poolings against their definitions, written out text by text; padding on either side changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from featx.features.pooling import pool
from featx.settings import Pooling

LENGTHS, WIDTH, SIZE = (1, 4, 7), 7, 5
STATES = [np.random.default_rng(length).normal(size=(length, SIZE)).astype(np.float32) for length in LENGTHS]
DEFINED = {
    Pooling.CLS: lambda states: states[0],
    Pooling.LAST: lambda states: states[-1],
    Pooling.MEAN: lambda states: states.mean(axis=0),
    Pooling.MAX: lambda states: states.max(axis=0),
    Pooling.WEIGHTED_MEAN: lambda states: np.average(states, axis=0, weights=np.arange(1, len(states) + 1)),
}


def batch(side: str, filling: float) -> tuple[torch.Tensor, torch.Tensor]:
    hidden = torch.full((len(LENGTHS), WIDTH, SIZE), filling)
    mask = torch.zeros((len(LENGTHS), WIDTH), dtype=torch.int64)
    for row, (length, states) in enumerate(zip(LENGTHS, STATES, strict=True)):
        place = slice(0, length) if side == "right" else slice(WIDTH - length, WIDTH)
        hidden[row, place] = torch.from_numpy(states)
        mask[row, place] = 1
    return hidden, mask


def test_every_pooling_is_defined_here() -> None:
    assert set(DEFINED) == set(Pooling) - {Pooling.AUTO}
    with pytest.raises(ValueError, match="auto"):
        pool(*batch("right", 0), Pooling.AUTO)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("pooling", DEFINED, ids=lambda pooling: pooling.value)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_equals_its_definition(pooling: Pooling, side: str, dtype: torch.dtype) -> None:
    hidden, mask = batch(side, filling=1e4)
    made = pool(hidden.to(dtype), mask, pooling)
    assert made.dtype == torch.float32
    expected = np.stack([DEFINED[pooling](torch.from_numpy(s).to(dtype).float().numpy()) for s in STATES])
    np.testing.assert_allclose(made.numpy(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
def test_cls_where_it_stands(side: str) -> None:
    hidden, mask = batch(side, filling=1e4)
    for place in (-1, 0):
        made = pool(hidden, mask, Pooling.CLS, place).numpy()
        assert np.array_equal(made, np.stack([states[place] for states in STATES]))
    second = pool(hidden[1:], mask[1:], Pooling.CLS, 1).numpy()
    assert np.array_equal(second, np.stack([states[1] for states in STATES[1:]]))
    alone = hidden[:, :1]  # what the first-token layer gives
    assert np.array_equal(pool(alone, mask, Pooling.CLS).numpy(), alone[:, 0].numpy())
