"""Vectors of length 1, so that the product of two is the cosine of their angle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: As `torch.nn.functional.normalize`: a shorter vector is divided by this.
_SHORTEST = 1e-12


def normalized(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each row of `features`, shape (n, hidden_size), scaled in place to length 1; zeros stay zeros."""
    lengths = np.sqrt(np.einsum("ij,ij->i", features, features))
    features /= np.maximum(lengths, _SHORTEST)[:, None]
    return features
