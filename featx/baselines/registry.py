"""The methods: what each reads, its scikit-learn pipeline, and the grid it is tuned over.

Adding a method is adding one entry to `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from featx.errors import SettingsError
from featx.evaluation import Family

#: Upper bound on the iterations of an optimiser; whether it sufficed is recorded.
MAX_ITER = 1_000


class Reads(StrEnum):
    """What a method is fitted on."""

    TEXTS = "texts"
    FEATURES = "features"


class GridSolver(StrEnum):
    """How the grid is walked: each kind in a module of `featx.baselines.grid_solvers`, faster than fit after fit."""

    EACH = "each"
    WARM_LOGREG = "warm_logreg"
    LINEAR_SVM = "linear_svm"
    RIDGE = "ridge"
    LDA = "lda"
    NEIGHBOURS = "neighbours"
    RBF_SVM = "rbf_svm"


@dataclass(frozen=True)
class Method:
    """A way to classify.

    Attributes
    ----------
    name : str
    reads : Reads
    make : callable
        From a seed to an unfitted scikit-learn pipeline, its classifier last.
    grid : mapping of str to sequence
        Values to try for each parameter of the pipeline's last step, the most regularised first: ties go to the
        earlier.
    preparations : sequence of mapping
        Choices beside the grid, for each of which the grid is walked: parameters of the pipeline, the first one
        preferred on ties. A step that is left out is "passthrough".
    probabilities : bool
        Whether it has them of its own.
    random : bool
        Whether its result depends on the seed.
    solver : GridSolver
    family : Family
    """

    name: str
    reads: Reads
    make: Callable[[int], Any]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    preparations: Sequence[Mapping[str, Any]] = ({},)
    probabilities: bool = True
    random: bool = False
    solver: GridSolver = GridSolver.EACH
    family: Family = Family.FROZEN


def _majority(seed: int) -> Any:
    from sklearn.dummy import DummyClassifier

    return _pipeline(("majority", DummyClassifier(strategy="prior")))


def _stratified(seed: int) -> Any:
    from sklearn.dummy import DummyClassifier

    return _pipeline(("stratified", DummyClassifier(strategy="stratified", random_state=seed)))


def _tfidf_logreg(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return _pipeline(_tfidf(), ("logreg", LogisticRegression(max_iter=MAX_ITER, random_state=seed)))


def _tfidf_svm(seed: int) -> Any:
    from sklearn.svm import LinearSVC

    return _pipeline(_tfidf(), ("svm", LinearSVC(max_iter=MAX_ITER, random_state=seed)))


def _logreg(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return _pipeline(_scale(), ("logreg", LogisticRegression(max_iter=MAX_ITER, random_state=seed)))


def _ridge(seed: int) -> Any:
    from sklearn.linear_model import RidgeClassifier

    return _pipeline(_scale(), ("ridge", RidgeClassifier(random_state=seed)))


def _linear_svm(seed: int) -> Any:
    from sklearn.svm import LinearSVC

    return _pipeline(_scale(), ("svm", LinearSVC(max_iter=MAX_ITER, random_state=seed)))


def _lda(seed: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    # All components: a rotation, and with more features than texts the space that the texts span.
    rotate = ("rotate", PCA(svd_solver="full"))
    return _pipeline(_scale(), rotate, ("lda", LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")))


def _knn(seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return _pipeline(_scale(), ("knn", KNeighborsClassifier(algorithm="brute")))


def _centroid(seed: int) -> Any:
    from sklearn.neighbors import NearestCentroid
    from sklearn.preprocessing import Normalizer

    # Its probabilities, and so its labels, are those of nearest shrunken centroids (Tibshirani et al., PNAS 99, 2002):
    # features count by their spread inside the classes.
    return _pipeline(_scale(), ("unit", Normalizer()), ("centroid", NearestCentroid()))


def _gaussian_nb(seed: int) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return _pipeline(_scale(), ("nb", GaussianNB()))


def _rbf_svm(seed: int) -> Any:
    from sklearn.svm import SVC

    return _pipeline(_scale(), ("svm", SVC(kernel="rbf", gamma="scale", random_state=seed)))


def _random_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return _pipeline(("forest", RandomForestClassifier(n_estimators=100, random_state=seed)))


def _boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # A tenth of the features at each split: features of one layer are many and much alike.
    boosting = HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=15, max_features=0.1, early_stopping=False, random_state=seed
    )
    return _pipeline(("boosting", boosting))


def _mlp(seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    mlp = MLPClassifier((128,), early_stopping=True, max_iter=200, random_state=seed)
    return _pipeline(_scale(), ("mlp", mlp))


def _pipeline(*steps: tuple[str, Any]) -> Any:
    from sklearn.pipeline import Pipeline

    return Pipeline(list(steps))


def _tfidf() -> tuple[str, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return "tfidf", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)


def _scale() -> tuple[str, Any]:
    from sklearn.preprocessing import StandardScaler

    return "scale", StandardScaler()


def _powers(low: int, high: int) -> tuple[float, ...]:
    return tuple(10.0**power for power in range(low, high + 1))


_T, _F = Reads.TEXTS, Reads.FEATURES
#: What a text is counted by: its words, as ever, or its characters, inside words or across them. Characters serve
#: languages that are written without blanks, and texts without words; on Latin scripts either may win.
_NGRAMS: tuple[Mapping[str, Any], ...] = (
    {},
    {"tfidf__analyzer": "char_wb", "tfidf__ngram_range": (1, 5), "tfidf__min_df": 2},
    {"tfidf__analyzer": "char", "tfidf__ngram_range": (1, 5), "tfidf__min_df": 2},
)
#: What is near: by Euclidean distance or by angle, of standardised features, as ever, or of features as they are.
#: Linear methods tune a penalty that makes up for scales; a distance has none.
_DISTANCES: tuple[Mapping[str, Any], ...] = (
    {},
    {"knn__metric": "cosine"},
    {"scale": "passthrough"},
    {"scale": "passthrough", "knn__metric": "cosine"},
)
#: Lengths of texts' vectors as they are, or all 1: of vectors as they are, or of standardised ones.
_LENGTHS: tuple[Mapping[str, Any], ...] = (
    {"scale": "passthrough", "unit": "passthrough"},
    {"scale": "passthrough"},
    {},
)
_SHRINKAGE = (0.99, 0.9, 0.7, 0.5, 0.3, 0.1, 0.03, 0.01, 0.001, "auto")
#: Every method by name, in the order in which they are shown.
METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method("majority", _T, _majority, family=Family.CHANCE),
        Method("stratified", _T, _stratified, random=True, family=Family.CHANCE),
        Method(
            "tfidf-logreg",
            _T,
            _tfidf_logreg,
            {"logreg__C": _powers(-2, 3)},
            _NGRAMS,
            solver=GridSolver.WARM_LOGREG,
            family=Family.WORDS,
        ),
        Method(
            "tfidf-svm",
            _T,
            _tfidf_svm,
            {"svm__C": _powers(-3, 2)},
            _NGRAMS,
            probabilities=False,
            family=Family.WORDS,
        ),
        Method("logreg", _F, _logreg, {"logreg__C": _powers(-5, 3)}, solver=GridSolver.WARM_LOGREG),
        Method(
            "ridge", _F, _ridge, {"ridge__alpha": _powers(-1, 6)[::-1]}, probabilities=False, solver=GridSolver.RIDGE
        ),
        Method(
            "linear-svm", _F, _linear_svm, {"svm__C": _powers(-5, 3)}, probabilities=False, solver=GridSolver.LINEAR_SVM
        ),
        Method("lda", _F, _lda, {"lda__shrinkage": _SHRINKAGE}, solver=GridSolver.LDA),
        Method(
            "knn",
            _F,
            _knn,
            {"knn__n_neighbors": (100, 50, 20, 10, 5, 3, 1), "knn__weights": ("uniform", "distance")},
            _DISTANCES,
            solver=GridSolver.NEIGHBOURS,
        ),
        Method("centroid", _F, _centroid, {"centroid__shrink_threshold": (2.0, 1.0, 0.5, 0.2, None)}, _LENGTHS),
        Method("gaussian-nb", _F, _gaussian_nb, {"nb__var_smoothing": (1.0, 0.1, 1e-3, 1e-9)}),
        Method("rbf-svm", _F, _rbf_svm, {"svm__C": _powers(-1, 3)}, probabilities=False, solver=GridSolver.RBF_SVM),
        Method("random-forest", _F, _random_forest, {"forest__min_samples_leaf": (5, 1)}, random=True),
        Method("hist-gradient-boosting", _F, _boosting, {"boosting__learning_rate": (0.1,)}, random=True),
        Method("mlp", _F, _mlp, {"mlp__alpha": (10.0, 1.0, 1e-3)}, random=True),
    )
}


def find_method(name: str) -> Method:
    """Return the method called `name`.

    Raises
    ------
    SettingsError
        If there is none; lists those that there are.
    """
    if name not in METHODS:
        raise SettingsError(f"method {name!r} is unknown; expected one of: {', '.join(METHODS)}, or all")
    return METHODS[name]
