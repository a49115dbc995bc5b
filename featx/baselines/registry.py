"""The methods: what each reads, its scikit-learn pipeline, and the grid it is tuned over.

Adding a method is adding one entry to `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from featx.errors import SettingsError

#: Upper bound on the iterations of an optimiser; whether it sufficed is recorded.
MAX_ITER = 1_000


class Reads(StrEnum):
    """What a method is fitted on."""

    TEXTS = "texts"
    FEATURES = "features"


@dataclass(frozen=True)
class Method:
    """A way to classify.

    Attributes
    ----------
    name : str
    reads : Reads
    make : callable
        From a seed to an unfitted scikit-learn classifier.
    grid : mapping of str to sequence
        Values to try for each parameter, the most regularised first: ties go to the earlier.
    """

    name: str
    reads: Reads
    make: Callable[[int], Any]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def _majority(seed: int) -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


def _tfidf_logreg(seed: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return Pipeline([("tfidf", words), ("logreg", LogisticRegression(max_iter=MAX_ITER, random_state=seed))])


def _logreg(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    return Pipeline([("scale", StandardScaler()), ("logreg", LogisticRegression(max_iter=MAX_ITER, random_state=seed))])


def _powers(low: int, high: int) -> tuple[float, ...]:
    return tuple(10.0**power for power in range(low, high + 1))


#: Every method by name, in the order in which they are shown.
METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method("majority", Reads.TEXTS, _majority),
        Method("tfidf-logreg", Reads.TEXTS, _tfidf_logreg, {"logreg__C": _powers(-2, 3)}),
        Method("logreg", Reads.FEATURES, _logreg, {"logreg__C": _powers(-5, 3)}),
    )
}


def find_method(name: str) -> Method:
    """Method called `name`.

    Raises
    ------
    SettingsError
        If there is none; lists those that there are.
    """
    if name not in METHODS:
        raise SettingsError(f"method {name!r} is unknown; expected one of: {', '.join(METHODS)}, or all")
    return METHODS[name]
