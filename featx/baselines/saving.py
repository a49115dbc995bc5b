"""Classifiers on disk as skops files: no pickle, and only types on our own list are ever built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from featx.errors import RunError

FILE_NAME = "classifier.skops"
#: Types beyond skops' own defaults that our pipelines are made of.
_ALLOWED: frozenset[str] = frozenset(
    {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.tree._tree.Tree",
    }
)


def save_classifier(classifier: Any, folder: Path) -> None:
    """Write a fitted scikit-learn classifier into `folder`."""
    from skops.io import dump

    dump(classifier, folder / FILE_NAME)


def load_classifier(folder: Path) -> Any:
    """Read the classifier in `folder`.

    Raises
    ------
    RunError
        If it is missing, broken, or holds a type that is not on the list.
    """
    from skops.io import get_untrusted_types, load

    path = folder / FILE_NAME
    if not path.is_file():
        raise RunError(f"{path} is missing; the run has no classifier saved: run featx baseline again")
    try:
        foreign = sorted(set(get_untrusted_types(file=path)) - _ALLOWED)
        if foreign:
            raise RunError(f"{path} holds types that featx does not load: {', '.join(foreign)}; do not trust the file")
        return load(path, trusted=sorted(_ALLOWED))
    except RunError:
        raise
    except Exception as e:  # a broken archive raises from zipfile, json, numpy or skops
        raise RunError(f"{path} cannot be read ({type(e).__name__}: {e}); run featx baseline again") from e
