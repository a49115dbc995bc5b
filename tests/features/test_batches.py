"""Batches hold every row once, keep their budget, and waste little."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from featx.features.batches import pad, token_batches

LENGTHS = st.lists(st.integers(1, 512), min_size=1, max_size=200).map(lambda x: np.array(x, np.int64))


@given(LENGTHS, st.integers(1, 5_000))
def test_every_row_once_within_the_budget_longest_first(lengths: np.ndarray, budget: int) -> None:
    batches = token_batches(lengths, budget)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget
    longest = [lengths[batch].max() for batch in batches]
    assert longest == sorted(longest, reverse=True)
    for earlier, later in itertools.pairwise(batches):
        assert (len(earlier) + 1) * lengths[earlier].max() > budget, "a text more would have fitted"
        assert lengths[earlier].min() >= lengths[later].max()


def test_no_texts_no_batches() -> None:
    assert token_batches(np.array([], np.int64), 100) == []


def test_lengths_rounded_up_are_padding() -> None:
    input_ids, mask = pad([[7, 8, 9], [7]], pad_id=0, step=8)
    assert input_ids.tolist() == [[7, 8, 9] + [0] * 5, [7] + [0] * 7]
    assert mask.sum(axis=1).tolist() == [3, 1]


@given(st.lists(st.lists(st.integers(5, 99), min_size=1, max_size=20), min_size=1, max_size=20))
def test_padding_keeps_ids_and_marks_them(ids: list[list[int]]) -> None:
    input_ids, mask = pad(ids, pad_id=3)
    assert input_ids.shape == mask.shape == (len(ids), max(map(len, ids)))
    for row, tokens in enumerate(ids):
        assert input_ids[row][mask[row] == 1].tolist() == tokens
        assert (input_ids[row][mask[row] == 0] == 3).all()
