"""Classifiers on disk as skops files: no pickle, and only types on our own list are ever built."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from featx.baselines.registry import Method
from featx.baselines.state import StateError, check_classifier
from featx.errors import RunError

FILE_NAME = "classifier.skops"
#: Every type that our fitted pipelines are made of; skops itself would trust some 500 more.
_ALLOWED: frozenset[str] = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.float32",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.uint64",
        "numpy.random._generator.Generator",
        "numpy.random.mtrand.RandomState",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn.calibration.CalibratedClassifierCV",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.decomposition._pca.PCA",
        "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
        "sklearn.dummy.DummyClassifier",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.feature_extraction.text.TfidfTransformer",
        "sklearn.feature_extraction.text.TfidfVectorizer",
        "sklearn.isotonic.IsotonicRegression",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._ridge.RidgeClassifier",
        "sklearn.naive_bayes.GaussianNB",
        "sklearn.neighbors._classification.KNeighborsClassifier",
        "sklearn.neighbors._nearest_centroid.NearestCentroid",
        "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.Normalizer",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.svm._classes.LinearSVC",
        "sklearn.svm._classes.SVC",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._tree.Tree",
    }
)
#: scikit-learn 1.8 names its compiled module of losses so, and registers it under that name too.
_BARE = "_loss"
#: Ways of skops to build a part; those for functions, methods and operators are not among them.
_LOADERS = frozenset(
    {
        "DictNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "NdArrayNode",
        "ObjectNode",
        "RandomGeneratorNode",
        "RandomStateNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    }
)
_SCHEMA = "schema.json"


def save_classifier(classifier: Any, folder: Path) -> None:
    """Write a fitted scikit-learn classifier into `folder`."""
    from skops.io import dump

    dump(classifier, folder / FILE_NAME)


def load_classifier(
    folder: Path,
    method: Method | None = None,
    chosen: Mapping[str, Any] | None = None,
    n_classes: int = 0,
    made_with: str | None = None,
) -> Any:
    """Read the classifier in `folder`.

    Parameters
    ----------
    folder : Path
    method : Method, optional
        What made it; then its whole state is held against what that makes.
    chosen : mapping, optional
        The parameters that its run records.
    n_classes : int
        Classes of its run.
    made_with : str, optional
        The version of scikit-learn that its run records.

    Raises
    ------
    RunError
        If it is missing, broken, holds a type that is not on the list or a state that no fit leaves, or was made with
        another version of scikit-learn that does not fit this one.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise RunError(f"{path} is missing; the run has no classifier saved: run featx baseline again")
    other = other_version(made_with)
    try:
        return _loaded(path, method, chosen or {}, n_classes, bool(other))
    except RunError as e:
        raise RunError(f"{path} {other}") if other else e from e
    except StateError as e:
        fault = other or f"does not hold what the method makes: {e}; do not trust the file"
        raise RunError(f"{path} {fault}") from e
    except (ImportError, AttributeError) as e:
        fault = other or _import_fault(e) or f"cannot be read ({type(e).__name__}: {e}); run featx baseline again"
        raise RunError(f"{path} {fault}") from e
    except Exception as e:  # a broken archive raises from zipfile, json, numpy or skops
        if other:
            raise RunError(f"{path} {other}") from e
        raise RunError(f"{path} cannot be read ({type(e).__name__}: {e}); run featx baseline again") from e


def other_version(made_with: str | None) -> str:
    """Return what to say of a classifier made with another minor version of scikit-learn; nothing for the same.

    Examples
    --------
    >>> other_version("0.1.0")[:32]
    'was made with scikit-learn 0.1.0'
    """
    import sklearn

    if made_with is None or _minor(made_with) == _minor(sklearn.__version__):
        return ""
    return (
        f"was made with scikit-learn {made_with}, which does not fit the {sklearn.__version__} here; install "
        f"scikit-learn=={made_with}, or run featx baseline again"
    )


def _import_fault(error: ImportError | AttributeError) -> str:
    """Return what to say of a module that cannot be imported or lacks a name; nothing of another missing attribute."""
    if isinstance(error, ImportError) or isinstance(error.obj, ModuleType):
        return f"needs what cannot be imported here ({error}); the file may be whole: mend the installed packages"
    return ""


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _loaded(path: Path, method: Method | None, chosen: Mapping[str, Any], n_classes: int, is_old: bool) -> Any:
    from skops.io import load

    foreign = _foreign_parts(path)
    if foreign:
        raise RunError(f"{path} holds types that featx does not load: {', '.join(foreign)}; do not trust the file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if is_old else "default")  # that versions differ is said where it matters
        classifier = load(path, trusted=sorted(_allowed()))
        if method is not None:
            check_classifier(classifier, method, chosen, n_classes)
    return classifier


def _allowed() -> frozenset[str]:
    """Return the types that may be built; a bare ``_loss`` only where that is scikit-learn's module."""
    import sklearn._loss._loss

    if sys.modules.get(_BARE) is not sklearn._loss._loss:
        return _ALLOWED
    losses = {name.removeprefix("sklearn._loss.") for name in _ALLOWED if name.startswith("sklearn._loss._loss.")}
    return _ALLOWED | losses


def _foreign_parts(path: Path) -> list[str]:
    """Types in a skops file that are not on our list, or are built in a way that is not; read before any is built.

    Raises
    ------
    RunError
        If a part is compressed: we write none so, and a small one could unpack to more than memory holds.
    """
    with ZipFile(path) as archive:
        if any(member.compress_type != ZIP_STORED for member in archive.infolist()):
            raise RunError(f"{path} holds compressed parts, which featx never writes; do not trust the file")
        waiting = [json.loads(archive.read(_SCHEMA))]
    foreign, allowed = set(), _allowed()
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if part.keys() & {"__module__", "__class__", "__loader__"}:
                name = f"{part.get('__module__')}.{part.get('__class__')}"
                if name not in allowed or part.get("__loader__") not in _LOADERS:
                    foreign.add(name)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return sorted(foreign)
