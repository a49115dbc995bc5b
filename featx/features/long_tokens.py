"""What is kept of texts that are longer than `max_length` tokens: the first of them, both ends, or all in windows.

Special tokens and the prompt stand in every input that a text becomes. Those that the tokenizer puts before and after
a text are what the encoder was trained with; a prompt says how a text is meant, and a window without it would be read
otherwise than the one before. What is left of `max_length`, the room, is for tokens of the text:

- ``head-tail`` fills it with the first ``max_length // 4`` tokens of the text, and the last ones (Sun et al., How to
  fine-tune BERT for text classification?, 2019: of 512 the first 128 and the last 382, and two special tokens).
- ``windows`` covers the text with windows of the room, each beginning with the last eighth (``room // 8`` tokens) of
  the one before; the last one may be shorter. So does Transformers with ``stride=room // 8``.

A text that is not longer is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import SettingsError
from featx.settings import Long

#: Characters that are tokenised at once: what a tokenizer keeps of a text takes far more memory than its ids.
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Parts:
    """What a text becomes.

    Attributes
    ----------
    rows : list of ndarray of int32
        Token ids of each input of the encoder.
    shares : list of float
        What each counts; they add up to 1.
    n_tokens, n_kept : int
        Tokens of the whole text, special ones included, and how many of them are in `rows`.
    """

    rows: list[NDArray[np.int32]]
    shares: list[float]
    n_tokens: int
    n_kept: int


def parts_of(
    hf: Any, texts: Sequence[str], prompt: str, max_length: int, n_special: tuple[int, int], long: Long
) -> Iterator[Parts]:
    """Yield what each text becomes.

    Parameters
    ----------
    hf : PreTrainedTokenizerBase
    texts : sequence of str
        With the prompt before each.
    prompt : str
    max_length : int
        Tokens of an input, special ones and the prompt's included.
    n_special : (int, int)
        Special tokens before and after a text.
    long : Long
        Not ``cut``.

    Raises
    ------
    SettingsError
        If the prompt leaves no room for a token of text.
    """
    n_before, n_after = n_special
    prompt_ids = _ids(hf, [prompt], add_special_tokens=False)[0] if prompt else np.empty(0, np.int32)
    for block in _blocks(texts):
        for ids in _ids(hf, block):
            if len(ids) <= max_length:
                yield Parts([ids], [1.0], len(ids), len(ids))
                continue
            text = ids[n_before : len(ids) - n_after]
            n_head = n_before + _n_common(text, prompt_ids)
            around = ids[:n_head], ids[len(ids) - n_after :]
            room = max_length - n_head - n_after
            if room < 1:
                raise SettingsError(
                    f"`prompt` takes {n_head - n_before} tokens, which leaves no room for text in `max_length` "
                    f"{max_length}; shorten it, or raise `max_length`",
                    "prompt",
                )
            yield _parts(ids[n_head : len(ids) - n_after], around, room, max_length, long)


def _parts(
    text: NDArray[np.int32],
    around: tuple[NDArray[np.int32], NDArray[np.int32]],
    room: int,
    max_length: int,
    long: Long,
) -> Parts:
    before, after = around
    n = len(before) + len(text) + len(after)
    if long is Long.HEAD_TAIL:
        head = min(max_length // 4, room - 1)
        return Parts([np.concatenate([before, text[:head], text[head - room :], after])], [1.0], n, max_length)
    spans = window_spans(len(text), room)
    rows = [np.concatenate([before, text[start:stop], after]) for start, stop in spans]
    return Parts(rows, window_shares(spans), n, n)


def window_spans(n_tokens: int, room: int) -> list[tuple[int, int]]:
    """Return where each window begins and ends.

    Examples
    --------
    >>> window_spans(20, 8)
    [(0, 8), (7, 15), (14, 20)]
    """
    step = room - room // 8
    windows = range(int(n_windows(np.int64(n_tokens), room)))
    return [(k * step, min(k * step + room, n_tokens)) for k in windows]


def n_windows(n_tokens: Any, room: int) -> Any:
    """Return how many windows cover texts of `n_tokens`, int64, special ones not included: 1 where they fit into one.

    Examples
    --------
    >>> n_windows(np.array([0, 8, 9, 20]), 8).tolist()
    [1, 1, 2, 3]
    """
    return 1 + np.maximum(0, -(-(n_tokens - room) // (room - room // 8)))


def window_shares(spans: Sequence[tuple[int, int]]) -> list[float]:
    """Return what each window counts: its tokens, those in two windows half in each; they add up to 1.

    Examples
    --------
    >>> window_shares([(0, 8), (7, 15), (14, 20)])
    [0.375, 0.35, 0.275]
    """
    starts, stops = np.array(spans, np.float64).T
    shared = np.maximum(stops[:-1] - starts[1:], 0)
    counted = stops - starts
    counted[:-1] -= shared / 2
    counted[1:] -= shared / 2
    shares: list[float] = (counted / stops[-1]).tolist()
    return shares


def _ids(hf: Any, texts: Sequence[str], **settings: Any) -> list[NDArray[np.int32]]:
    """Return the ids of whole texts."""
    encoded = hf(
        list(texts), truncation=False, padding=False, return_attention_mask=False, return_token_type_ids=False,
        verbose=False, **settings,
    )  # fmt: skip
    return [np.asarray(ids, np.int32) for ids in encoded["input_ids"]]


def _n_common(ids: NDArray[np.int32], others: NDArray[np.int32]) -> int:
    """Return how many tokens two sequences begin with alike: the last of a prompt may run into the text."""
    n = min(len(ids), len(others))
    differing = np.flatnonzero(ids[:n] != others[:n])
    return int(differing[0]) if len(differing) else n


def _blocks(texts: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    size = 0
    for text in texts:
        if block and size + len(text) > _BLOCK:
            yield block
            block, size = [], 0
        block.append(text)
        size += len(text)
    if block:
        yield block
