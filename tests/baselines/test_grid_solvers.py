"""Walks along a grid predict what fit after fit with scikit-learn predicts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from tiny import LABELS, make_texts

from featx.baselines import METHODS, Method, grid_points
from featx.baselines.grid_solvers import walk
from featx.baselines.grid_solvers.rotation import rotated

ON_FEATURES = [method for method in METHODS.values() if method.reads == "features"]
#: Methods whose optimum is reached by another way: a text on the boundary may fall on either side.
BY_OPTIMISER = ("logreg", "linear-svm", "rbf-svm")


def matrices(n: int, d: int, n_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    centres = np.random.default_rng(9).normal(size=(n_classes, d)) * 2 / np.sqrt(d)
    return centres[labels] + rng.normal(size=(n, d)), labels.astype(np.int64)


def points(method: Method, n: int, d: int, n_classes: int) -> tuple[list, np.ndarray, np.ndarray, np.ndarray]:
    train, y = matrices(n, d, n_classes, 0)
    held, _ = matrices(150, d, n_classes, 1)
    prefix = method.make(0).steps[-1][0] + "__"
    grid = [{k.removeprefix(prefix): v for k, v in point.items()} for point in grid_points(method)]
    return list(walk(method, grid, 0, train, y, held)), train, y, held


@pytest.mark.parametrize("shape", [(240, 12, 3), (240, 12, 2), (60, 90, 3), (60, 90, 2)], ids=str)
@pytest.mark.parametrize("method", ON_FEATURES, ids=lambda method: method.name)
def test_walks_predict_what_scikit_learn_does(method: Method, shape: tuple[int, int, int]) -> None:
    """More texts than features and fewer, two classes and three."""
    if method.name in ("random-forest", "hist-gradient-boosting", "mlp") and shape != (240, 12, 3):
        pytest.skip("takes no path of its own")
    found, train, y, held = points(method, *shape)
    prefix = method.make(0).steps[-1][0] + "__"
    assert [{prefix + k: v for k, v in point.params.items()} for point in found] == grid_points(method)
    for point in found:
        pipeline = method.make(0).set_params(**{prefix + k: v for k, v in point.params.items()})
        if point.y_pred is None:
            with pytest.raises(ValueError, match="n_neighbors"):
                pipeline.fit(train, y).predict(held)
            continue
        with np.errstate(all="ignore"):
            fitted = _quietly_fitted(pipeline, train, y)
            expected = fitted.predict(held)
        if method.name == "centroid":  # its own labels are by plain distance, and not those of its probabilities
            expected = fitted.predict_proba(held).argmax(axis=1)
        disagree = np.count_nonzero(point.y_pred != expected)
        allowed = 2 if method.name in BY_OPTIMISER else 0
        if point.params.get("C", 0) > 10:
            allowed *= 3  # hardly regularised: the optimum is flat
        assert disagree <= allowed, point.params


def _quietly_fitted(pipeline: object, train: np.ndarray, y: np.ndarray) -> object:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence at the weak end of the grid
        return pipeline.fit(train, y)


def test_neighbours_at_distance_zero_outvote_all_others() -> None:
    method = METHODS["knn"]
    train = np.array([[0.0], [0.0], [0.01], [0.02], [5.0]])
    y = np.array([1, 1, 0, 0, 0])
    (point,) = walk(method, [{"n_neighbors": 5, "weights": "distance"}], 0, train, y, train[:1])
    assert point.y_pred.tolist() == [1]
    assert method.make(0).set_params(knn__weights="distance").fit(train, y).predict(train[:1]).tolist() == [1]


@pytest.mark.parametrize("n_and_d", [(120, 12), (40, 60)], ids=str)
@pytest.mark.parametrize("name", ["knn", "centroid"])
def test_each_scaling_is_that_of_a_pipeline_of_scikit_learn(name: str, n_and_d: tuple[int, int]) -> None:
    """Features of very unlike spread, so that scaling decides; as float32, as they come."""
    from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler

    n, d = n_and_d
    spread = np.logspace(-1, 1, d)
    (train, y), (held, _) = (matrices(size, d, 3, seed) for size, seed in ((n, 0), (80, 1)))
    train, held = (1 + train * spread).astype(np.float32), (1 + held * spread).astype(np.float32)
    scaled, unit = StandardScaler(), Normalizer()
    before, last = {
        "knn": ([[scaled], [scaled], [], []], KNeighborsClassifier(algorithm="brute")),
        "centroid": ([[], [unit], [scaled, unit]], NearestCentroid()),
    }[name]
    method, seen = METHODS[name], []
    grid = [{k.partition("__")[2]: v for k, v in point.items()} for point in grid_points(method)]
    for steps, preparation in zip(before, method.preparations, strict=True):
        own = {k.partition("__")[2]: v for k, v in preparation.items() if "__" in k}
        found = list(walk(method, grid, 0, train, y, held, preparation))
        for point in found:
            if point.y_pred is None:
                assert point.params["n_neighbors"] > n
                continue
            plain = clone(last).set_params(**own, **point.params)
            expected = make_pipeline(*map(clone, steps), plain).fit(train, y).predict_proba(held)
            # A vote that is a tie may fall to either side by rounding.
            first, second = np.sort(expected, axis=1)[:, :-3:-1].T
            sure = first - second > 1e-9
            assert np.array_equal(point.y_pred[sure], expected.argmax(axis=1)[sure]), point.params
            assert sure.mean() > 0.4
        seen.append(np.concatenate([point.y_pred for point in found if point.y_pred is not None]).tolist())
    assert len(set(map(tuple, seen))) == len(method.preparations)


def test_texts_are_walked_as_well() -> None:
    texts, names = make_texts(120, 0)
    held, _ = make_texts(60, 1)
    y = np.array([LABELS.index(name) for name in names])
    for name in ("tfidf-logreg", "tfidf-svm"):
        method = METHODS[name]
        prefix = method.make(0).steps[-1][0] + "__"
        grid = [{"C": 0.1}, {"C": 10.0}]
        for point in walk(method, grid, 0, texts, y, held):
            pipeline = method.make(0).set_params(**{prefix + k: v for k, v in point.params.items()})
            assert np.array_equal(point.y_pred, pipeline.fit(texts, y).predict(held))
            assert point.n_iter < point.max_iter


def test_rotation_keeps_inner_products() -> None:
    X, held = np.random.default_rng(0).normal(size=(20, 50)), np.random.default_rng(1).normal(size=(7, 50))
    small, held_small = rotated(X, held)
    assert small.shape[1] <= 20
    assert small @ small.T == pytest.approx(X @ X.T)
    assert held_small @ small.T == pytest.approx(held @ X.T)
    assert rotated(X.T, held.T)[0] is not small
    same, _ = rotated(X.T, X.T)
    assert np.array_equal(same, X.T)


def test_rotation_of_rows_that_repeat() -> None:
    X = np.repeat(np.random.default_rng(0).normal(size=(5, 30)), 3, axis=0)
    small, _ = rotated(X, X)
    assert small.shape == (15, 5)
    assert small @ small.T == pytest.approx(X @ X.T)


@pytest.mark.parametrize("name", [method.name for method in ON_FEATURES])
def test_constant_features_are_no_error(name: str) -> None:
    """The embedding of the first token is the same for every text."""
    method = METHODS[name]
    y = np.arange(60) % 3
    prefix = method.make(0).steps[-1][0] + "__"
    grid = [{k.removeprefix(prefix): v for k, v in point.items()} for point in grid_points(method)]
    constant = np.full((60, 4), 0.25, np.float32)
    for point in walk(method, grid, 0, constant, y, constant[:9]):
        assert point.y_pred is not None or "neighbours" in point.error or point.error, point.params


@pytest.mark.parametrize("name", ["logreg", "ridge", "lda", "knn", "rbf-svm", "linear-svm", "gaussian-nb"])
def test_features_that_are_no_numbers_fail_at_every_point(name: str) -> None:
    train, y = matrices(60, 4, 3, 0)
    train[3, 2] = np.nan
    method = METHODS[name]
    prefix = method.make(0).steps[-1][0] + "__"
    grid = [{k.removeprefix(prefix): v for k, v in point.items()} for point in grid_points(method)]
    found = list(walk(method, grid, 0, train, y, train[:5]))
    assert len(found) == len(grid)
    assert all(point.y_pred is None and "NaN" in point.error for point in found)


def test_neighbours_that_are_equally_far_are_those_of_scikit_learn() -> None:
    """Rows that repeat, with labels that contradict each other: which of them counts decides."""
    rng = np.random.default_rng(0)
    train = np.repeat(rng.normal(size=(20, 4)), 4, axis=0)
    y = rng.integers(0, 3, 80)
    held = np.concatenate([train[::2], rng.normal(size=(20, 4))])
    method = METHODS["knn"]
    prefix = "knn__"
    grid = [{k.removeprefix(prefix): v for k, v in point.items()} for point in grid_points(method)]
    for point in walk(method, grid, 0, train, y, held):
        if point.y_pred is not None:
            params = {prefix + k: v for k, v in point.params.items()}
            expected = method.make(0).set_params(**params).fit(train, y).predict(held)
            assert np.array_equal(point.y_pred, expected), params
