"""Intervals against scipy's bootstrap and against simulated test sets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import f1_score

from featx.evaluation import (
    CONFUSION_METRICS,
    SCORE_METRICS,
    Predictions,
    Resampler,
    interval_of,
    measure,
    metric_interval,
    over_seeds,
    paired_difference,
    resampled_scores,
    resampling,
)
from featx.settings import ReportSettings

NAMES = ("a", "b", "c")


def simulated(n: int, accuracy: float, seed: int, y_true: np.ndarray | None = None) -> Predictions:
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 3, n) if y_true is None else y_true
    wrong = rng.random(len(y_true)) > accuracy
    y_pred = np.where(wrong, (y_true + rng.integers(1, 3, len(y_true))) % 3, y_true)
    return Predictions(y_true, y_pred, None, NAMES)


def test_interval_agrees_with_scipy() -> None:
    made = simulated(300, 0.7, seed=1)
    ours = metric_interval([made], "f1_macro")
    theirs = bootstrap(
        (made.y_true, made.y_pred), lambda t, p: f1_score(t, p, average="macro"), paired=True, vectorized=False,
        n_resamples=2000, method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    assert ours.value == pytest.approx(f1_score(made.y_true, made.y_pred, average="macro"))
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.006)


def test_paired_interval_agrees_with_scipy() -> None:
    a = simulated(300, 0.75, seed=2)
    b = simulated(300, 0.65, seed=3, y_true=a.y_true)
    ours = paired_difference([a], [b], "accuracy").difference
    hits = (a.y_true == a.y_pred).astype(float) - (b.y_true == b.y_pred)
    theirs = bootstrap(
        (hits,), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    assert ours.value == pytest.approx(hits.mean())
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.004)


def test_pairing_narrows_the_interval_of_methods_that_agree() -> None:
    a = simulated(300, 0.7, seed=2)
    y_pred = a.y_pred.copy()
    y_pred[:6] = (y_pred[:6] + 1) % 3
    b = Predictions(a.y_true, y_pred, None, NAMES)
    paired = paired_difference([a], [b], "accuracy").difference
    alone = metric_interval([a], "accuracy")
    assert paired.high - paired.low < (alone.high - alone.low) / 2


def test_a_method_against_itself_is_exactly_zero() -> None:
    a = simulated(100, 0.6, seed=4)
    d = paired_difference([a], [a], "f1_macro").difference
    assert (d.value, d.low, d.high) == (0, 0, 0)
    assert not d.excludes_zero


def test_difference_changes_sign_with_order() -> None:
    a = simulated(200, 0.8, seed=5)
    b = simulated(200, 0.6, seed=6, y_true=a.y_true)
    forth, back = (paired_difference(*pair, "mcc").difference for pair in (([a], [b]), ([b], [a])))
    assert forth.value == pytest.approx(-back.value)
    assert forth.low == pytest.approx(-back.high, abs=0.02)


def test_mean_over_seeds() -> None:
    seeds = [simulated(150, 0.7, seed=7)]
    seeds += [simulated(150, 0.7, seed=s, y_true=seeds[0].y_true) for s in (8, 9)]
    together = metric_interval(seeds, "accuracy")
    alone = [metric_interval([s], "accuracy").value for s in seeds]
    assert together.value == pytest.approx(np.mean(alone))


def test_predictions_of_other_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="same texts"):
        paired_difference([simulated(50, 0.7, 1)], [simulated(50, 0.7, 2)], "accuracy")


def test_resampling_is_the_same_each_time() -> None:
    made = simulated(50, 0.7, 1)
    first, again = (Resampler([made], 500).resamples([0]).drawn["mcc"] for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.parametrize("n_classes", [3, 30])
def test_metrics_of_resamples_are_those_of_the_drawn_texts(n_classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dense and sparse products, on draws that are known: each text once gives the value itself."""
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, n_classes, 200)
    names = tuple(map(str, range(n_classes)))
    made = [
        Predictions(y_true, np.where(rng.random(200) < 0.6, y_true, rng.integers(0, n_classes, 200)), None, names)
        for _ in range(3)
    ]
    drawn = rng.integers(200, size=200)

    def one_draw(cells: resampling._Cells, n_resamples: int, seed: int, n_columns: int) -> object:
        yield np.bincount(cells.of_text[drawn], minlength=len(cells.counts))[None]

    monkeypatch.setattr(resampling, "_draws", one_draw)
    resamples = Resampler(made, 1).resamples([0, 1, 2])
    for k, predictions in enumerate(made):
        again = measure(Predictions(y_true[drawn], predictions.y_pred[drawn], None, names))
        for metric in CONFUSION_METRICS:
            assert resamples.values[metric][k] == pytest.approx(measure(predictions)[metric])
            assert resamples.drawn[metric][0, k] == pytest.approx(again[metric])


def test_drawing_cells_and_drawing_texts_give_one_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated(300, 0.7, seed=1)
    cells = metric_interval([made], "f1_macro", ReportSettings(n_resamples=20_000))
    monkeypatch.setattr(resampling, "_TEXT_NS", 0.0)
    texts = metric_interval([made], "f1_macro", ReportSettings(n_resamples=20_000))
    assert [texts.low, texts.high] == pytest.approx([cells.low, cells.high], abs=0.003)
    assert (texts.low, texts.high) != (cells.low, cells.high)


def test_questions_apart_agree_with_all_drawn_jointly(monkeypatch: pytest.MonkeyPatch) -> None:
    a = simulated(200, 0.8, seed=5)
    made = [a, *(simulated(200, 0.6, seed=s, y_true=a.y_true) for s in range(3))]
    jointly = Resampler(made, 5_000).resamples([3, 0])
    monkeypatch.setattr(resampling, "_JOINT_SECONDS", 0.0)
    apart = Resampler(made, 5_000).resamples([3, 0])
    for metric in CONFUSION_METRICS:
        assert np.array_equal(jointly.values[metric], apart.values[metric])
        low_high = [
            np.quantile(r.drawn[metric][:, 0] - r.drawn[metric][:, 1], [0.025, 0.975]) for r in (jointly, apart)
        ]
        assert low_high[0] == pytest.approx(low_high[1], abs=0.012)


def scored(n: int, seed: int) -> Predictions:
    made = simulated(n, 0.7, seed)
    rng = np.random.default_rng(seed + 100)
    raw = rng.random((n, 3)) + 1.5 * np.eye(3)[made.y_pred]
    y_score = raw / raw.sum(axis=1, keepdims=True)
    return Predictions(made.y_true, y_score.argmax(axis=1), y_score, NAMES)


@pytest.mark.parametrize("metric", SCORE_METRICS)
def test_intervals_of_score_metrics_agree_with_scipy(metric: str) -> None:
    made = scored(300, seed=3)
    resamples = resampled_scores([made], 9_999)
    ours = interval_of(float(resamples.values[metric][0]), resamples.drawn[metric][:, 0], 0.95)

    def statistic(rows: np.ndarray) -> float:
        part = Predictions(made.y_true[rows], made.y_pred[rows], made.y_score[rows], NAMES)
        return float(measure(part)[metric])

    theirs = bootstrap(
        (np.arange(300),), statistic, vectorized=False, n_resamples=2_000, method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    assert ours.value == pytest.approx(measure(made)[metric], rel=1e-12)
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.006)


def test_score_metrics_need_scores() -> None:
    with pytest.raises(ValueError, match="without scores"):
        resampled_scores([simulated(10, 0.5, 0)], 100)


def test_many_texts_are_resampled_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "_MOST_DRAWN_TEXTS", 300 * 1_500)
    assert resampled_scores([scored(300, 1)], 9_999).drawn["ece"].shape == (1_500, 1)


def test_seeds_add_what_students_t_says_of_their_mean() -> None:
    """With no chance of the texts, the interval is the t interval of the mean over seeds."""
    from scipy.stats import t

    for n_seeds in (2, 3, 5):
        scores = np.random.default_rng(n_seeds).normal(size=n_seeds)
        drawn = over_seeds(scores, np.tile(scores, (200_000, 1)))
        low, high = t.interval(0.95, n_seeds - 1, scores.mean(), scores.std(ddof=1) / np.sqrt(n_seeds))
        width = high - low
        assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx([low, high], abs=0.03 * width)


def test_seeds_that_agree_change_nothing() -> None:
    made = simulated(100, 0.7, 1)
    alone, thrice = metric_interval([made], "f1_macro"), metric_interval([made] * 3, "f1_macro")
    assert [thrice.value, thrice.low, thrice.high] == pytest.approx([alone.value, alone.low, alone.high])


def test_coverage_of_the_interval_is_near_95_percent() -> None:
    """The true macro-F1 of this simulation is its accuracy, by symmetry of the classes."""
    settings = ReportSettings(n_resamples=1_999)
    hits = 0
    for seed in range(500):
        interval = metric_interval([simulated(200, 0.7, seed)], "f1_macro", settings)
        hits += interval.low <= 0.7 <= interval.high
    assert 0.92 <= hits / 500 <= 0.98


def test_ten_methods_and_all_their_pairs_cost_seconds() -> None:
    """One joint draw answers every question: 45 pairs need no more draws than one method does."""
    first = simulated(2_000, 0.7, 0)
    made = [first, *(simulated(2_000, 0.7, seed, y_true=first.y_true) for seed in range(1, 10))]
    resamples = Resampler(made, 9_999).resamples(range(10))
    assert resamples.drawn["f1_macro"].shape == (9_999, 10)
    pair = paired_difference([made[3]], [made[7]], "f1_macro").difference
    drawn = resamples.drawn["f1_macro"][:, 3] - resamples.drawn["f1_macro"][:, 7]
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx([pair.low, pair.high], abs=0.003)


def test_score_metrics_do_not_hang_on_the_order_of_methods() -> None:
    """Reports round to six digits: the same method must give the same ones beside whatever other."""
    first = scored(400, 0)
    others = [np.random.default_rng(seed).permuted(first.y_score, axis=0) for seed in range(3)]
    scores = [first.y_score, *(other / other.sum(axis=1, keepdims=True) for other in others)]
    made = [Predictions(first.y_true, y_score.argmax(axis=1), y_score, NAMES) for y_score in scores]
    there, back = resampled_scores(made, 999), resampled_scores(made[::-1], 999)
    for name in SCORE_METRICS:
        assert np.allclose(there.values[name], back.values[name][::-1], rtol=1e-13, atol=0)
        assert np.allclose(there.drawn[name], back.drawn[name][:, ::-1], rtol=1e-12, atol=0)
        exact = [measure(one)[name] for one in made]
        assert np.allclose(there.values[name], exact, rtol=1e-12, atol=0)
