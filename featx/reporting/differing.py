"""Where the methods differ, as plain values for the page and for Markdown; texts are cut, and left out on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from featx.reporting.confusion_display import row_shares
from featx.reporting.details import Details
from featx.reporting.escaping import clipped, short_names
from featx.reporting.votes import Votes, confused_pairs, flips

#: Flips that the page holds for each pair of methods and direction.
MOST_FLIPS = 20
#: Rows up to which every pair is held against every other; beyond, only pairs with the base.
_MOST_PAIRED = 12
#: Characters of a text that are shown.
TEXT_LENGTH = 400
#: Classes up to which the page shows whole matrices.
MOST_CLASSES = 40
_MOST_CONFUSED = 12
_MOST_SHARED = 50
_LABEL_LENGTH = 80


@dataclass(frozen=True)
class Flip:
    """A test text that one method gets right and another wrong.

    Attributes
    ----------
    row : int
    true, wrong : int
        Labels: the true one, which one method gave, and the other's.
    right_confidence, wrong_confidence : float or None
        Of each method in its own label.
    """

    row: int
    true: int
    wrong: int
    right_confidence: float | None
    wrong_confidence: float | None


def flips_of(details: Details, right: int, wrong: int, most: int) -> tuple[int, list[Flip]]:
    """Count the texts that row `right` gets right and row `wrong` gets wrong, and return the first `most` of them."""
    a, b = details.votes[right], details.votes[wrong]
    if a is None or b is None:
        return 0, []
    rows = flips(a, b)
    made = [
        Flip(row, int(a.y_true[row]), int(b.y_pred[row]), _confidence(a, row), _confidence(b, row))
        for row in rows[:most].tolist()
    ]
    return len(rows), made


def _confidence(votes: Votes, row: int) -> float | None:
    return None if votes.confidence is None else round(float(votes.confidence[row]), 3)


def shown_text(details: Details, row: int) -> str | None:
    """Return a test text, cut; None where texts are not shown."""
    return None if details.texts is None else clipped(details.texts[row], TEXT_LENGTH)


def shared_rows(details: Details) -> list[dict[str, Any]]:
    """Test texts that stand in train too: those with another label there first."""
    labels = details.test_labels
    if not details.overlap or labels is None:
        return []
    ordered = sorted(details.overlap, key=lambda shared: shared.train_label == labels[shared.row])
    names = [clipped(name, _LABEL_LENGTH) for name in details.comparison.label_names]
    return [
        {
            "row": shared.row,
            "train_row": shared.train_row,
            "label": names[labels[shared.row]],
            "train_label": None if shared.train_label is None else names[shared.train_label],
            "text": shown_text(details, shared.row),
        }
        for shared in ordered[:_MOST_SHARED]
    ]


def page_data(details: Details) -> dict[str, Any]:
    """Return all that the page's script needs, ready for JSON."""
    labels = short_names(details.comparison.label_names, _LABEL_LENGTH)
    whole = len(labels) <= MOST_CLASSES
    methods = [
        {
            "name": name,
            "seeds": len(row.seeds),
            "scored": votes is not None and votes.confidence is not None,
            "matrix": row.confusion.tolist() if whole else None,
            "shares": row_shares(row.confusion).round(4).tolist() if whole else None,
            "confused": confused_pairs(row.confusion, _MOST_CONFUSED),
        }
        for name, row, votes in zip(details.names, details.comparison.rows, details.votes, strict=True)
    ]
    used: set[int] = set()
    shown = {}
    for right, wrong in _pairs(details):
        n, made = flips_of(details, right, wrong, MOST_FLIPS)
        used.update(flip.row for flip in made)
        shown[f"{right}-{wrong}"] = {
            "n": n,
            "rows": [[f.row, f.wrong, f.right_confidence, f.wrong_confidence] for f in made],
        }
    truth = details.test_labels
    texts = {} if truth is None else {row: [int(truth[row]), shown_text(details, row)] for row in sorted(used)}
    return {
        "labels": labels,
        "methods": methods,
        "base": details.base,
        "rival": details.rival,
        "flips": shown,
        "texts": texts,
    }


def _pairs(details: Details) -> list[tuple[int, int]]:
    n, base = len(details.names), details.base
    every = [(a, b) for a in range(n) for b in range(n) if a != b]
    return every if n <= _MOST_PAIRED else [pair for pair in every if base in pair]
