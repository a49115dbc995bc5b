"""Whether a classifier that was read from a file is one that its method makes.

A file of allowed types can still hold a state that no fit leaves: trees whose nodes point out of their arrays or in a
circle, a pattern that takes for ever, parameters of another estimator. Compiled code of scikit-learn believes what it
finds, so it is checked before anything is predicted. May import ``errors``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from featx.baselines.registry import Method

#: In the place of a step that a pipeline goes without.
LEFT_OUT = "passthrough"
#: Distances of neighbours by their names in the constructor, and what a fit makes of them.
_METRICS = {"minkowski": "euclidean", "cosine": "cosine"}


class StateError(ValueError):
    """The state of a classifier is none that a fit leaves."""


def check_classifier(classifier: Any, method: Method, chosen: Mapping[str, Any], n_classes: int) -> None:
    """Check a loaded `classifier` against what `method` with the parameters `chosen` makes.

    Parameters
    ----------
    classifier : Pipeline or CalibratedClassifierCV
    method : Method
    chosen : mapping
        Parameters of the pipeline, as the run records them.
    n_classes : int

    Raises
    ------
    StateError
        Says what differs.
    """
    expected = method.make(0).set_params(**_known(method, chosen))
    pipelines = _calibrated_pipelines(classifier) if type(classifier).__name__ == "CalibratedClassifierCV" else None
    for pipeline in pipelines if pipelines is not None else [classifier]:
        _check_parameters(pipeline, expected)
        for _, step in pipeline.steps:
            _CHECKS.get(type(step).__name__, _nothing)(step)
        _check_classes(pipeline.steps[-1][1], n_classes)


def _known(method: Method, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return `chosen` if the method's grid and preparations have such parameters, lists as tuples."""
    valid = {*method.grid, *(name for one in method.preparations for name in one)}
    if foreign := sorted(set(chosen) - valid):
        raise StateError(f"{method.name} has no parameter {foreign[0]!r}")
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()}
    for name, value in plain.items():
        if not isinstance(value, int | float | str | tuple | None):
            raise StateError(f"{name} is a {type(value).__name__}")
        if "__" not in name and value != LEFT_OUT:
            raise StateError(f"the step {name} is {value!r:.60}")
    return plain


def _calibrated_pipelines(classifier: Any) -> list[Any]:
    _require(
        classifier.method in ("sigmoid", "isotonic") and classifier.ensemble is False,
        "it is calibrated in another way than featx does",
    )
    parts = classifier.calibrated_classifiers_
    _require(isinstance(parts, list) and len(parts) == 1, "it has several calibrated classifiers")
    return [part.estimator for part in parts]


def _check_parameters(pipeline: Any, expected: Any) -> None:
    """Check that steps, their types and all their parameters are the method's; seeds may differ."""
    shapes = [
        [(name, _kind(step)) for name, step in one.steps] if type(one).__name__ == "Pipeline" else None
        for one in (pipeline, expected)
    ]
    _require(shapes[0] == shapes[1], "its steps are not those of the method")
    wanted = expected.get_params()
    for name, value in pipeline.get_params().items():
        if "__" in name and not name.endswith("__random_state"):
            same = name in wanted and type(value) is type(wanted[name]) and value == wanted[name]
            number = isinstance(value, int | float) and name in wanted and value == wanted[name]
            _require(bool(same or number), f"{name} is {value!r:.60}, not what the method sets")


def _kind(step: Any) -> Any:
    return {"left out": step == LEFT_OUT} if isinstance(step, str) else type(step).__name__


def _check_classes(step: Any, n_classes: int) -> None:
    classes = np.asarray(step.classes_)
    right = classes.ndim == 1 and classes.dtype.kind in "iu" and len(np.unique(classes)) == len(classes)
    _require(right and bool(((classes >= 0) & (classes < n_classes)).all()), "its classes are not those of the run")


def _check_vectorizer(step: Any) -> None:
    columns = np.array(sorted(step.vocabulary_.values()))
    _require(
        all(type(word) is str for word in step.vocabulary_) and np.array_equal(columns, np.arange(len(columns))),
        "its vocabulary does not number the columns",
    )


def _check_forest(step: Any) -> None:
    for tree in step.estimators_:
        _require(type(tree).__name__ == "DecisionTreeClassifier", "its forest holds other things than trees")
        made = tree.tree_
        _require(made.node_count == made.capacity, "a tree's nodes are not as many as it says")
        _require(made.n_features == step.n_features_in_ and made.n_outputs == 1, "a tree has other features")
        inner = made.children_left != -1
        _check_nodes(made.children_left, made.children_right, made.feature, inner, made.n_features)


def _check_boosting(step: Any) -> None:
    _require(step.is_categorical_ is None and step._preprocessor is None, "it splits by categories")
    for predictors in step._predictors:
        for predictor in predictors:
            nodes = predictor.nodes
            _require(nodes.ndim == 1 and not nodes["is_categorical"].any(), "a tree splits by categories")
            inner = nodes["is_leaf"] == 0
            _check_nodes(nodes["left"], nodes["right"], nodes["feature_idx"], inner, step.n_features_in_)


def _check_nodes(left: Any, right: Any, feature: Any, inner: Any, n_features: int) -> None:
    """Check that each inner node points to later nodes: so no walk leaves the arrays, and each one ends."""
    n_nodes, own = len(left), np.arange(len(left))
    _require(n_nodes > 0, "a tree has no nodes")
    for child in (np.asarray(left, np.int64), np.asarray(right, np.int64)):
        _require(bool(((child > own) & (child < n_nodes))[inner].all()), "the nodes of a tree point out of it")
    split = np.asarray(feature, np.int64)[inner]
    _require(bool(((split >= 0) & (split < n_features)).all()), "a tree splits by a feature that is not there")


def _check_svm(step: Any) -> None:
    n_classes, support, counts = len(step.classes_), step.support_vectors_, step._n_support
    n_pairs = n_classes * (n_classes - 1) // 2
    right = (
        step._sparse is False
        and getattr(step, "_effective_probability", step.probability) is False  # since 1.9
        and support.ndim == 2
        and support.shape[1] == step.n_features_in_ == step.shape_fit_[1]
        and counts.shape == (n_classes,)
        and bool((counts >= 0).all())
        and counts.sum() == len(support) == len(step.support_)
        and all(coef.shape == (n_classes - 1, len(support)) for coef in (step.dual_coef_, step._dual_coef_))
        and step.intercept_.shape == step._intercept_.shape == (n_pairs,)
        and len(step._probA) == len(step._probB) == 0
    )
    _require(right, "its support vectors do not fit together")


def _check_neighbours(step: Any) -> None:
    rows = step._fit_X
    right = (
        step._fit_method == "brute"
        and step._tree is None
        and step.effective_metric_ == _METRICS.get(step.metric)
        and not step.effective_metric_params_
        and rows.ndim == 2
        and rows.shape == (step.n_samples_fit_, step.n_features_in_)
        and step._y.shape == (len(rows),)
        and bool(((step._y >= 0) & (step._y < len(step.classes_))).all())
        and 0 < step.n_neighbors <= len(rows)
    )
    _require(right, "its neighbours do not fit together")


def _nothing(step: Any) -> None:
    """Other steps are computed by numpy, which checks what it is given."""


def _require(right: bool, fault: str) -> None:
    if not right:
        raise StateError(fault)


_CHECKS: Mapping[str, Callable[[Any], None]] = {
    "HistGradientBoostingClassifier": _check_boosting,
    "KNeighborsClassifier": _check_neighbours,
    "RandomForestClassifier": _check_forest,
    "SVC": _check_svm,
    "TfidfVectorizer": _check_vectorizer,
}
