"""With more features than texts: the same geometry in as many dimensions as there are texts."""

from __future__ import annotations

from typing import Any

import numpy as np


def rotated(X: Any, held: Any) -> tuple[Any, Any]:
    """Inputs in a basis of the space that the rows of `X` span, when that is smaller; else as they are.

    Parameters
    ----------
    X, held : ndarray of shape (n, n_features) and (n_held, n_features)

    Returns
    -------
    X, held : ndarray of shape (n, n) and (n_held, n)
        Inner products with and among rows of `X` are kept, which is all that an L2-penalised linear method reads.
        Sparse matrices come back as they are.
    """
    if not isinstance(X, np.ndarray) or X.shape[1] <= X.shape[0]:
        return X, held
    from scipy.linalg import eigh

    wide = np.asarray(X, np.float64)
    values, vectors = eigh(wide @ wide.T)
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    scale = np.sqrt(values[kept])
    basis = (vectors[:, kept] / scale).T @ wide
    return (vectors[:, kept] * scale).astype(X.dtype), (np.asarray(held, np.float64) @ basis.T).astype(X.dtype)
