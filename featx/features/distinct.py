"""A feature matrix whose rows are all one and the same is said: no classifier can learn from it."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from featx.errors import FeatxWarning
from featx.features.spec import FeatureSpec
from featx.settings import Pooling

#: Fewer texts may well be one and the same to a tokenizer: cut at the same tokens, or different in case alone.
_FEWEST_TEXTS = 4


class OneRow:
    """Watch rows go by, and warn at the end where all were the same while their texts were not.

    Parameters
    ----------
    spec : FeatureSpec
        Which layer and pooling they are.
    is_alone : bool
        Whether no other kind of feature was asked for: the embedding of [CLS], or of a special token at the end, is the
        same for all texts, which is worth no remark beside other layers.
    """

    def __init__(self, spec: FeatureSpec, *, is_alone: bool) -> None:
        self._spec = spec
        self._row: NDArray[np.float32] | None = None
        self._varies = not is_alone and spec.layer == 0 and spec.pooling in (Pooling.CLS, Pooling.LAST)

    def add(self, features: NDArray[np.float32]) -> None:
        """Look at rows, shape (n, hidden_size); in most cases at two of them."""
        if self._varies or not len(features):
            return
        self._row = features[0].copy() if self._row is None else self._row
        self._varies = not (np.array_equal(features[-1], self._row) and bool((features == self._row).all()))

    def warn(self, count_texts: Callable[[], int]) -> None:
        """Warn where all of them were one and the same, and `count_texts` says that they were of different texts."""
        if not self._varies and self._row is not None and count_texts() >= _FEWEST_TEXTS:
            warnings.warn(  # in words that do not hang on the number of texts, so that it is shown once
                f"all texts have one and the same vector in layer {self._spec.layer} with pooling "
                f"{self._spec.pooling.value}, so no classifier can tell them apart; take another `layer` or `pooling`",
                FeatxWarning,
                stacklevel=1,
            )
