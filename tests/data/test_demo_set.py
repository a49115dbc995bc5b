"""The packaged messages keep what the demo promises of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import featx.data

FOLDER = Path(featx.data.__file__).parent / "demo"
ROWS = [
    json.loads(line) | {"split": split}
    for split in ("train", "validation", "test")
    for line in (FOLDER / f"{split}.jsonl").read_text("utf-8").splitlines()
]


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def test_sizes_and_balance() -> None:
    counts = Counter((row["split"], row["label"]) for row in ROWS)
    expected = {"train": 200, "validation": 50, "test": 450}
    labels = ("negative", "neutral", "positive")
    assert counts == {(split, label): n for split, n in expected.items() for label in labels}


def test_every_message_is_its_own() -> None:
    sets = [words(row["text"]) for row in ROWS]
    for i, a in enumerate(sets):
        for j in range(i):
            overlap = len(a & sets[j]) / len(a | sets[j])
            assert overlap <= 0.5, (ROWS[i]["text"], ROWS[j]["text"])


def test_no_templates() -> None:
    starts = Counter(" ".join(row["text"].lower().split()[:3]) for row in ROWS)
    assert starts.most_common(1)[0][1] <= 10


def test_lengths_spread_from_3_to_60_words() -> None:
    lengths = sorted(len(row["text"].split()) for row in ROWS)
    assert lengths[0] >= 3
    assert lengths[-1] <= 60
    assert lengths[210] <= 8
    assert lengths[-210] >= 33


def test_twenty_domains_and_more_in_every_class() -> None:
    for label in ("negative", "neutral", "positive"):
        assert len({row["domain"] for row in ROWS if row["label"] == label}) >= 20


def test_surface_signs_give_nothing_away() -> None:
    """Emoji, hashtags and questions stand in every class."""
    for sign in (r"[\U0001F300-\U0001FAFF]", r"#\w", r"\?"):
        shares = [
            sum(bool(re.search(sign, row["text"])) for row in ROWS if row["label"] == label) / 700
            for label in ("negative", "neutral", "positive")
        ]
        assert min(shares) > 0.03, (sign, shares)


def test_texts_are_clean() -> None:
    for row in ROWS:
        assert row["text"] == row["text"].strip()
        assert "\n" not in row["text"]
        assert set(row) == {"text", "label", "domain", "split"}
