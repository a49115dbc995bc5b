"""Words baselines on texts whose words blanks do not part, or that have none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from featx.baselines import METHODS, fit, predict
from featx.data import load_dataset
from featx.evaluation import measure
from featx.settings import DataSettings

CASES = Path(__file__).parents[3] / "shared" / "cases"


@pytest.mark.shared
@pytest.mark.parametrize(("method", "least"), [("tfidf-logreg", 0.99), ("tfidf-svm", 0.95)])
@pytest.mark.parametrize(
    "address",
    [
        "train/unsegmented-tfidf/ja.csv",
        "train/unsegmented-tfidf/zh.csv",
        "train/unsegmented-tfidf/th.csv",
        "data/chinese-tfidf/chinese.csv",
    ],
)
def test_characters_tell_what_blanks_do_not(address: str, method: str, least: float) -> None:
    if not (CASES / address).exists():
        pytest.skip("the small inputs are not beside the project")
    dataset = load_dataset(DataSettings(str(CASES / address)))
    parts = {name: (list(split.texts), split.labels) for name, split in dataset.splits.items()}
    fitted = fit(METHODS[method], parts["train"], parts["validation"], dataset.label_names, seed=0)
    made, _ = predict(fitted.classifier, parts["test"][0], parts["test"][1], dataset.label_names)
    assert measure(made)["f1_macro"] >= least
    assert fitted.chosen.params["tfidf__analyzer"].startswith("char")


def test_texts_without_a_word_are_counted_by_characters() -> None:
    texts, labels = ["😀😀🎉", "😡💔😡", "🎉😀", "💔😡"] * 10, np.array([1, 0, 1, 0] * 10)
    fitted = fit(METHODS["tfidf-logreg"], (texts, labels), (texts, labels), ("bad", "good"), seed=0)
    assert fitted.chosen.score == 1
    assert {trial.error.split(";")[0] for trial in fitted.trials if trial.error} == {"empty vocabulary"}, (
        "the words themselves cannot be fitted, and say so"
    )


def test_words_win_ties() -> None:
    """The order of `preparations` is the order of preference, so old results stay what they were where nothing gains."""
    texts, labels = ["good day here", "bad day here"] * 20, np.array([1, 0] * 20)
    fitted = fit(METHODS["tfidf-logreg"], (texts, labels), (texts, labels), ("bad", "good"), seed=0)
    assert "tfidf__analyzer" not in fitted.chosen.params


def test_what_is_chosen_is_what_scikit_learn_fits() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    every = [f"{'よかった' if at % 2 else 'ひどい'}{'映画' if at % 3 else '本'}{at}" for at in range(90)]
    texts, labels, held = every[:60], np.arange(60) % 2, every[60:]
    fitted = fit(METHODS["tfidf-logreg"], (texts, labels), (held, labels[:30]), ("bad", "good"), seed=0)
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), min_df=2, sublinear_tf=True)
    reference = make_pipeline(vectors, LogisticRegression(C=fitted.chosen.params["logreg__C"], max_iter=1_000))
    assert fitted.chosen.params["tfidf__analyzer"] == "char_wb"
    np.testing.assert_allclose(
        fitted.classifier.predict_proba(texts), reference.fit(texts, labels).predict_proba(texts), atol=1e-12
    )
