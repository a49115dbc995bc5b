"""Write a classifier of every method as this environment's scikit-learn saves it.

    python tests/baselines/make_saved_classifiers.py tests/baselines/fixtures

Run under each minor version that pyproject.toml allows; the tests read all of them under the installed one.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import sklearn

from featx.baselines import METHODS, fit, save_classifier

LABELS = ("negative", "neutral", "positive")


def inputs(reads: str) -> tuple[object, np.ndarray]:
    """Thirty texts, or features of shape (30, 4), float32, and their labels."""
    labels = np.arange(30) % 3
    if reads == "texts":
        return [f"{LABELS[label]} thing {at}" for at, label in enumerate(labels)], labels
    rng = np.random.default_rng(0)
    return (rng.normal(size=(30, 4)) + labels[:, None]).astype(np.float32), labels


def main(folder: Path) -> None:
    """Write ``sklearn-<version>.tar.xz`` into `folder`."""
    with tarfile.open(folder / f"sklearn-{sklearn.__version__}.tar.xz", "w:xz") as archive:
        for name, method in METHODS.items():
            data = inputs(method.reads)
            fitted = fit(method, data, data, LABELS, seed=0)
            function = "predict_proba" if method.probabilities else "decision_function"
            facts = {
                "chosen": fitted.chosen.params,
                "function": function,
                "scores": getattr(fitted.classifier, function)(data[0]).tolist(),
            }
            with tempfile.TemporaryDirectory() as temporary:
                save_classifier(fitted.classifier, Path(temporary))
                archive.add(Path(temporary) / "classifier.skops", f"{name}/classifier.skops")
            content = json.dumps(facts).encode()
            entry = tarfile.TarInfo(f"{name}/facts.json")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
