"""`FeatureExtractor` in scikit-learn's own tools, and scikit-learn's checks of it."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from sklearn.utils.validation import check_array, check_is_fitted
from tiny import make_checkpoint, make_texts

from featx.errors import CheckpointError, FeatxError, SettingsError
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import Encoder, load_encoder
from featx.features.extraction import Extractor
from featx.settings import Checkpoint, ComputeSettings, Device, FeatureSettings
from featx.sklearn import FeatureExtractor, TextsError

TEXTS, LABELS = make_texts(60)


@pytest.fixture
def made(tiny: Path, tmp_path: Path) -> Callable[..., FeatureExtractor]:
    return lambda **changes: FeatureExtractor(
        str(tiny), **({"cache_dir": str(tmp_path / "cache"), "device": "cpu"} | changes)
    )


@pytest.fixture
def encoded_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Texts of each batch that any encoder is given."""
    seen: list[int] = []
    start = Encoder.start

    def counting(self: Encoder, ids: list, kinds: list) -> object:
        seen.append(len(ids))
        return start(self, ids, kinds)

    monkeypatch.setattr(Encoder, "start", counting)
    return seen


def test_features_are_those_of_the_extractor(tiny: Path, made: Callable[..., FeatureExtractor]) -> None:
    checkpoint, settings = find_checkpoint(str(tiny), Path("unused")), FeatureSettings((1,))
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))
    expected = Extractor(encoder, checkpoint, settings, None).encode(TEXTS).gather()
    for how in ("all", "one"):
        features = made(layer=1, store_layers=how).fit_transform(TEXTS)
        assert features.dtype == np.float32
        assert np.allclose(features, expected, rtol=1e-5, atol=1e-6)


def test_cross_validation_encodes_each_text_once(
    made: Callable[..., FeatureExtractor], encoded_rows: list[int]
) -> None:
    model = make_pipeline(made(), LogisticRegression(max_iter=500))
    scores = cross_val_score(model, TEXTS, LABELS, cv=3)
    assert scores.mean() > 0.4
    assert sum(encoded_rows) == len(TEXTS)


@pytest.mark.filterwarnings("ignore:all texts have one and the same vector in layer 0")
def test_grid_search_over_layer_and_c_encodes_each_text_once(
    made: Callable[..., FeatureExtractor], encoded_rows: list[int]
) -> None:
    model = make_pipeline(made(), LogisticRegression(max_iter=500))
    grid = {"featureextractor__layer": [-1, 0, 1], "logisticregression__C": [0.1, 1.0]}
    search = GridSearchCV(model, grid, cv=3).fit(TEXTS, LABELS)
    assert len(search.cv_results_["params"]) == 6
    assert sum(encoded_rows) == len(TEXTS)
    assert set(search.predict(TEXTS[:5])) <= set(LABELS)
    assert sum(encoded_rows) == len(TEXTS)


def test_grid_search_over_pooling_makes_one_pass_for_each(
    made: Callable[..., FeatureExtractor], encoded_rows: list[int]
) -> None:
    """auto is cls here, and encodes nothing anew."""
    model = make_pipeline(made(store_layers="one"), LogisticRegression(max_iter=500))
    poolings = ["auto", "cls", "last"]
    search = GridSearchCV(model, {"featureextractor__pooling": poolings}, cv=2).fit(TEXTS, LABELS)
    assert len(search.cv_results_["params"]) == 3
    assert sum(encoded_rows) == 2 * len(TEXTS)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[1]


def test_normalize_and_prompt_are_parameters(made: Callable[..., FeatureExtractor], encoded_rows: list[int]) -> None:
    plain = made(store_layers="one").fit_transform(TEXTS)
    scaled = made(store_layers="one", normalize=True).fit_transform(TEXTS)
    assert np.allclose(np.linalg.norm(scaled, axis=1), 1)
    assert np.allclose(scaled, plain / np.linalg.norm(plain, axis=1, keepdims=True), atol=1e-6)
    assert sum(encoded_rows) == len(TEXTS), "scaled when read"
    prompted = made(store_layers="one", prompt="we hated ").fit(TEXTS)
    written = made(store_layers="one").fit_transform([f"we hated {text}" for text in TEXTS])
    assert np.allclose(prompted.transform(TEXTS), written, atol=1e-6)
    assert prompted.spec_ != made().fit(TEXTS).spec_
    again = pickle.loads(pickle.dumps(prompted))
    assert np.array_equal(again.transform(TEXTS), prompted.transform(TEXTS))


def test_one_layer_stores_one_layer(
    made: Callable[..., FeatureExtractor], encoded_rows: list[int], tmp_path: Path
) -> None:
    made(store_layers="one").fit_transform(TEXTS)
    assert len(list((tmp_path / "cache/features").iterdir())) == 1
    made(layer=0).fit_transform(TEXTS)
    assert sum(encoded_rows) == 2 * len(TEXTS)
    assert len(list((tmp_path / "cache/features").glob("*/*.npy"))) == 3, "all three layers, the last not twice"


def test_weights_are_not_loaded_when_the_store_has_all(
    made: Callable[..., FeatureExtractor], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = made().fit_transform(TEXTS)

    def refuse(*args: object, **settings: object) -> None:
        raise AssertionError("the weights were loaded")

    monkeypatch.setattr("transformers.AutoModel.from_pretrained", refuse)
    assert np.array_equal(made().fit_transform(TEXTS), expected)
    with pytest.raises(CheckpointError, match="the weights were loaded"):
        made().fit_transform(["a new text"])


def test_a_store_that_cannot_be_written_still_gives_features(
    made: Callable[..., FeatureExtractor], monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    expected = made().fit_transform(TEXTS)

    def refuse(*args: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("featx.features.store.store.commit_shard", refuse)
    with pytest.warns(UserWarning, match="cannot be written"):
        got = made().fit_transform(["one more", *TEXTS, "and another"])
    assert np.array_equal(got[1:-1], expected)
    assert not np.array_equal(got[0], got[-1])


def columns() -> Iterator[object]:
    yield TEXTS
    yield tuple(TEXTS)
    yield (text for text in TEXTS)
    yield np.array(TEXTS)
    yield np.array(TEXTS, dtype=object)
    yield np.array(TEXTS)[:, None]
    yield pd.Series(TEXTS)
    yield pd.Series(TEXTS, dtype="category")
    yield pd.DataFrame({"text": TEXTS}, index=np.arange(100, 160))
    yield pd.DataFrame({"text": TEXTS})["text"]
    yield pa.array(TEXTS)
    yield pa.chunked_array([TEXTS[:7], TEXTS[7:]])
    yield pa.table({"text": TEXTS})


def test_columns_of_every_kind(made: Callable[..., FeatureExtractor]) -> None:
    expected = made().fit_transform(TEXTS)
    fitted = made().fit(TEXTS)
    for column in columns():
        assert np.array_equal(fitted.transform(column), expected), type(column)


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ("one text", r"X is one str; expected a sequence of texts"),
        (b"bytes", r"X is one bytes"),
        (3, r"X is of type int"),
        ([], r"X holds no texts"),
        (["a", None], r"text 2 is of type NoneType"),
        (["a", float("nan")], r"text 2 is of type float"),
        (pd.Series(["a", pd.NA, "b"]), r"text 2 is of type (float|NAType)"),
        (pa.array(["a", None]), r"text 2 is of type NoneType"),
        (np.ones((3, 1)), r"text 1 is of type float"),
        (np.ones((3, 2)), r"X has the shape \(3, 2\); .* choose a column"),
        (np.array("a"), r"X has the shape \(\)"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), r"X has the shape \(1, 2\)"),
        (["lone \ud800"], r"text 1 holds a lone surrogate"),
    ],
)
def test_what_is_no_column_of_texts(made: Callable[..., FeatureExtractor], X: object, words: str) -> None:
    for error in (ValueError, FeatxError):
        with pytest.raises(error, match=words):
            made().fit(X)
    with pytest.raises(TextsError, match=words):
        made().fit(TEXTS).transform(X)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layer": 9}, r"`layer` is 9; this checkpoint has 0"),
        ({"layer": "all"}, r"layer is 'all'; expected one whole number"),
        ({"layer": True}, r"layer is True"),
        (
            {"pooling": "largest"},
            r"`pooling` is 'largest'; expected one (or more )?of: auto, cls, mean, max, weighted-m",
        ),
        (
            {"prompt": "query"},
            r"`prompt` 'query' looks like a name, but checkpoint .* has no such prompt \(it has: none",
        ),
        ({"dtype": "int8"}, r"`?dtype`? is 'int8'"),
        ({"device": "tpu"}, r"`?device`? is 'tpu'"),
        ({"max_length": 1}, r"`max_length` is 1"),
        ({"store_layers": "some"}, r"store_layers is 'some'; expected all or one"),
        ({"batch_tokens": 0}, r"`batch_tokens` is 0"),
    ],
)
def test_wrong_settings_are_found_by_fit(
    made: Callable[..., FeatureExtractor], changes: dict[str, object], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        made(**changes).fit(TEXTS)


def test_names_and_frames(made: Callable[..., FeatureExtractor]) -> None:
    fitted = made().fit(TEXTS)
    names = fitted.get_feature_names_out()
    assert names.tolist() == [f"featureextractor{i}" for i in range(32)]
    frame = pd.DataFrame({"text": TEXTS}, index=[f"row {i}" for i in range(60)])
    out = made().set_output(transform="pandas").fit(frame).transform(frame)
    assert isinstance(out, pd.DataFrame)
    assert out.columns.tolist() == names.tolist()
    assert out.index.tolist() == frame.index.tolist()
    assert np.array_equal(out.to_numpy(), fitted.transform(TEXTS))


def test_parameters_make_the_round_trip(made: Callable[..., FeatureExtractor]) -> None:
    one = made(layer=1, pooling="mean", max_length=7, threads=1)
    other = clone(one)
    assert other.get_params() == one.get_params()
    assert FeatureExtractor(**one.get_params()).get_params() == one.get_params()
    assert other.set_params(layer=0).layer == 0
    assert not hasattr(clone(one.fit(TEXTS)), "checkpoint_")


def test_a_pickle_holds_no_weights_and_goes_on(
    tiny: Path, tmp_path: Path, made: Callable[..., FeatureExtractor]
) -> None:
    fitted = made().fit(TEXTS)
    expected = fitted.transform(TEXTS)
    assert hasattr(fitted, "_encoder")
    data = pickle.dumps(fitted)
    assert len(data) < 2_000
    again = pickle.loads(data)
    assert np.array_equal(again.transform(TEXTS), expected)
    assert again.spec_ == fitted.spec_

    other = make_checkpoint(tmp_path / "other", seed=1)
    moved = pickle.loads(data).set_params(checkpoint=str(other))
    with pytest.raises(CheckpointError, match=r"is another one than when this extractor was fitted"):
        moved.transform(TEXTS)


def test_it_must_be_fitted(made: Callable[..., FeatureExtractor]) -> None:
    with pytest.raises(NotFittedError):
        made().transform(TEXTS)


# scikit-learn's own checks. Those for estimators of strings are few, so all others run too, on an extractor that
# writes each row of numbers as a text.


@pytest.mark.filterwarnings(f"ignore::{SkipTestWarning.__module__}.SkipTestWarning")
def test_scikit_learn_knows_that_strings_go_in() -> None:
    tags = FeatureExtractor().__sklearn_tags__().input_tags
    assert (tags.string, tags.one_d_array, tags.two_d_array) == (True, True, False)
    for estimator, check in estimator_checks_generator(FeatureExtractor()):
        check(estimator)


class RowsAsTexts(FeatureExtractor):
    """Takes matrices as the checks give them: each row is a text of its numbers."""

    folder: ClassVar[str]

    def _found(self) -> Checkpoint:
        return find_checkpoint(self.folder, Path("unused"))

    def fit(self, X: object, y: object = None) -> RowsAsTexts:
        return super().fit(rows_as_texts(X), y)

    def transform(self, X: object) -> np.ndarray:
        check_is_fitted(self)
        return super().transform(rows_as_texts(X))

    def __sklearn_tags__(self) -> object:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array, tags.input_tags.string = True, False, False
        return tags


def rows_as_texts(X: object) -> list[str]:
    words = np.array(["good", "bad", "day", "train", "late", "never", "great", "food"])
    matrix = check_array(X, accept_sparse=False)
    return [" ".join(words[np.abs(np.round(10 * row)).astype(int) % len(words)]) for row in matrix]


#: Checks that cannot hold for features of texts, and why.
EXPECTED = {
    "check_transformer_general": "expects an error for fewer columns than in fit; a text has no columns",
}


@pytest.fixture(scope="module")
def cache_of_checks(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    RowsAsTexts.folder = str(tiny)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEATX_CACHE_DIR", str(tmp_path_factory.mktemp("checks")))
        yield


@parametrize_with_checks([RowsAsTexts(device="cpu")], expected_failed_checks=lambda estimator: EXPECTED)
def test_scikit_learn_checks(cache_of_checks: None, estimator: object, check: Callable[[object], None]) -> None:
    check(estimator)
