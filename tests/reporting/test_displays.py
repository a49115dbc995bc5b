"""Displays: each draws what it holds, returns itself, and is the same figure for the same data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import make_run, simulate
from matplotlib.figure import Figure

from featx.errors import SettingsError
from featx.evaluation.metrics import expected_calibration_error
from featx.reporting import compare
from featx.reporting.confusion_display import DifferenceDisplay
from featx.reporting.cost_display import CostDisplay, pareto_front
from featx.reporting.data_display import BalanceDisplay, LengthDisplay
from featx.reporting.details import take_apart
from featx.reporting.escaping import clipped
from featx.reporting.figures import report_figures
from featx.reporting.inline_svg import inline_svg
from featx.reporting.layer_display import LayerDisplay
from featx.reporting.learning_display import LearningDisplay, curve
from featx.reporting.map_display import MapDisplay, pca
from featx.reporting.reliability_display import ReliabilityDisplay, reliability_figure
from featx.reporting.score_display import ScoreDisplay
from featx.reporting.style import drawn
from featx.runs import TrialRecord

LOG = [
    {"loss": 1.0, "learning_rate": 1e-5, "epoch": 0.5, "step": 5},
    {"eval_loss": 0.9, "eval_f1_macro": 0.4, "eval_mcc": 0.3, "epoch": 1.0},
    {"loss": float("nan"), "epoch": 1.5},
    {"train_runtime": 3.0, "epoch": 2.0},
]
TRIALS = [
    TrialRecord(layer=0, pooling="cls", score=0.3),
    TrialRecord(layer=12, pooling="cls", score=0.6),
    TrialRecord(layer=2, pooling="cls", score=0.4),
    TrialRecord(layer=2, pooling="cls", score=0.5),
    TrialRecord(layer="concat", pooling="concat", score=0.55),
    TrialRecord(score=0.9),
]


def axes() -> Any:
    return Figure().subplots()


def texts_of(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def every_display(tmp_path: Path) -> list[Any]:
    runs = [make_run(tmp_path, "finetune", 0.8, n=60), make_run(tmp_path, "logreg", 0.6, n=60)]
    comparison, made = compare(runs), runs[0].predictions["test"]
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    return [
        ScoreDisplay(comparison),
        CostDisplay(comparison),
        DifferenceDisplay(comparison.rows[0].confusion, comparison.rows[1].confusion, comparison.label_names),
        LayerDisplay.of_trials(TRIALS, "f1_macro"),
        LearningDisplay({"seed 0": LOG}, "f1_macro"),
        ReliabilityDisplay(made.y_true, made.y_score),
        MapDisplay.of_features(rng.normal(size=(30, 8)).astype(np.float32), labels, ("a", "b", "c")),
        BalanceDisplay({"train": [3, 4], "test": [1, 2]}, ("a", "b")),
        LengthDisplay(rng.integers(1, 99, 30), labels, ("a", "b", "c"), limits={"max_length": 64}),
    ]


def test_plot_returns_the_display_and_takes_axes(tmp_path: Path) -> None:
    for display in every_display(tmp_path):
        ax = axes()
        assert display.plot(ax=ax) is display
        assert ax.has_data(), display
        assert display.plot() is display
        figure = display.figure()
        assert drawn(figure, "png").startswith(b"\x89PNG")
        assert drawn(display.figure(), "svg") == drawn(display.figure(), "svg")


def test_every_figure_can_stand_in_the_page(tmp_path: Path) -> None:
    for display in every_display(tmp_path):
        markup = inline_svg(drawn(display.figure(), "svg"), "name", 'a "description" <b>')
        assert "style" not in markup
        assert 'aria-label="a &quot;description&quot; &lt;b&gt;"' in markup
        assert "currentColor" in markup
        assert markup.count('id="') == markup.count('id="name-')
        assert markup.count("url(#") == markup.count("url(#name-")


def test_difference_of_two_matrices() -> None:
    display = DifferenceDisplay(np.array([[8, 2], [0, 0]]), np.array([[1, 1], [4, 0]]), ("a", "b"))
    assert display.difference == pytest.approx(np.array([[0.3, -0.3], [-1, 0]]))
    ax = axes()
    display.plot(ax=ax)
    assert texts_of(ax) == ["+0.30", "-0.30", "-1.00", "+0.00"]


@pytest.mark.parametrize("seed", range(20))
def test_pareto_front_is_what_nothing_dominates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs, scores = rng.integers(0, 6, 12).tolist(), rng.integers(0, 6, 12).tolist()
    expected = {
        (costs[k], scores[k])
        for k in range(12)
        if not any(
            c <= costs[k] and s >= scores[k] and (c, s) != (costs[k], scores[k])
            for c, s in zip(costs, scores, strict=True)
        )
    }
    front = pareto_front(costs, scores)
    assert {(costs[k], scores[k]) for k in front} == expected
    assert len(front) == len(expected)


def test_cost_of_nothing_has_a_place_on_the_axis(tmp_path: Path) -> None:
    from featx.runs import Timings

    runs = [make_run(tmp_path, "majority", timings=Timings(0.0, 0.0, 0.0, 0.0)), make_run(tmp_path, "logreg")]
    ax = axes()
    CostDisplay(compare(runs)).plot(ax=ax)
    assert all(np.isfinite(line.get_xdata()).all() and min(line.get_xdata()) > 0 for line in ax.lines)


def test_layers_keep_the_best_score_of_each_place() -> None:
    display = LayerDisplay.of_trials(TRIALS, "f1_macro")
    assert display.scores == {("0", "cls"): 0.3, ("12", "cls"): 0.6, ("2", "cls"): 0.5}
    assert display.together == 0.55
    assert display.layers == ["0", "2", "12"]
    ax = axes()
    display.plot(ax=ax)
    assert texts_of(ax) == ["0.300", "0.500", "0.600"]
    assert LayerDisplay.of_trials([TrialRecord(score=0.9)], "f1_macro") is None
    assert LayerDisplay.of_trials(TRIALS[:1], "f1_macro") is None


def test_learning_curves_hold_what_the_log_has() -> None:
    assert curve(LOG, "loss") == ([0.5], [1.0])
    assert curve(LOG, "eval_f1_macro") == ([1.0], [0.4])
    assert curve(LOG, "eval_accuracy") == ([], [])
    assert curve(LOG, "learning_rate") == ([0.5], [1e-5])
    assert LearningDisplay({"a": LOG[3:]}, "f1_macro").is_empty
    assert not LearningDisplay({"a": LOG[1:]}, "f1_macro").has_rates
    assert not LearningDisplay({"a": LOG}, "f1_macro").is_empty


@pytest.mark.parametrize(
    ("of", "runs", "expected"),
    [
        ("loss", ["a"], {"a, train": [1.0], "a, validation": [0.9]}),
        ("rate", ["a"], {"a": [1e-5]}),
        ("score", ["a"], {"f1_macro": [0.4], "mcc": [0.3]}),
        ("score", ["a", "b"], {"a": [0.4], "b": [0.4]}),
        ("rate", ["a", "b"], {"a": [1e-5], "b": [1e-5]}),
    ],
)
def test_learning_curves_draw_loss_metrics_and_learning_rate(
    of: str, runs: list[str], expected: dict[str, list[float]]
) -> None:
    ax = axes()
    LearningDisplay(dict.fromkeys(runs, LOG), "f1_macro").plot(ax=ax, of=of)
    assert {line.get_label(): list(line.get_ydata()) for line in ax.lines} == expected


def test_the_report_draws_every_curve_of_a_training(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "finetune", 0.8, n=60, history=LOG), make_run(tmp_path, "logreg", 0.6, n=60)]
    made = {figure.name: figure.caption for figure in report_figures(take_apart(compare(runs), runs))}
    assert {name: made[name] for name in made if name.endswith("finetune") and "confusion" not in name} == {
        "loss-finetune": "finetune: loss on train and validation.",
        "learning-finetune": "finetune: metrics on validation.",
        "rate-finetune": "finetune: learning rate.",
    }


def test_reliability_bins_are_those_of_the_ece() -> None:
    made = simulate(500, 0.7, 3)
    counts, confidence, share = ReliabilityDisplay(made.y_true, made.y_score).bins()
    there = counts > 0
    gaps = np.abs(confidence - share)[there] * counts[there]
    assert counts.sum() == 500
    assert gaps.sum() / 500 == pytest.approx(expected_calibration_error(made.y_true, made.y_score))
    assert len(reliability_figure([ReliabilityDisplay(made.y_true, made.y_score)] * 5).axes) == 8


def test_pca_equals_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    X = np.random.default_rng(1).normal(size=(60, 7)).astype(np.float32) * np.arange(1, 8, dtype=np.float32)
    points, shares = pca(X)
    reference = PCA(2, svd_solver="full").fit(X.astype(np.float64))
    expected = reference.transform(X.astype(np.float64))
    assert np.abs(points) == pytest.approx(np.abs(expected), abs=1e-8)
    assert shares == pytest.approx(reference.explained_variance_ratio_)


def test_maps_of_many_points_and_of_none() -> None:
    rng = np.random.default_rng(0)
    many = MapDisplay.of_features(rng.normal(size=(6_000, 3)).astype(np.float32), np.arange(6_000) % 2, ("a", "b"))
    assert many.points.shape == (5_000, 2)
    with pytest.raises(SettingsError, match=r"`map` is 'tsne'; expected one of: pca, umap"):
        MapDisplay.of_features(np.zeros((5, 3), np.float32), np.zeros(5, int), ("a",), "tsne")
    with pytest.raises(SettingsError, match=r"a map takes three texts or more, but there are 2"):
        MapDisplay.of_features(np.zeros((2, 3), np.float32), np.zeros(2, int), ("a",))
    same = MapDisplay.of_features(np.ones((5, 3), np.float32), np.zeros(5, int), ("a",))
    assert np.isfinite(same.points).all()


def test_umap_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(
        SettingsError, match=r"needs the package umap-learn; install it with: pip install 'featx\[umap\]'"
    ):
        MapDisplay.of_features(np.ones((5, 3), np.float32), np.zeros(5, int), ("a",), "umap")


@pytest.mark.slow
def test_umap_keeps_apart_what_is_apart() -> None:
    pytest.importorskip("numba")
    from importlib.util import find_spec

    if find_spec("umap") is None:
        pytest.skip("umap-learn is not installed")
    labels = np.arange(60) % 2
    X = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32) + 20 * labels[:, None]
    points = MapDisplay.of_features(X.astype(np.float32), labels, ("a", "b"), "umap").points
    centres = [points[labels == k].mean(axis=0) for k in (0, 1)]
    assert np.linalg.norm(centres[0] - centres[1]) > 2 * max(points[labels == k].std(axis=0).max() for k in (0, 1))


def test_lengths_are_drawn_from_five_numbers_a_class() -> None:
    lengths = np.arange(101)
    ax = axes()
    LengthDisplay(lengths, np.zeros(101, int), ("a", "empty"), limits={"limit": 50}).plot(ax=ax)
    medians = [line.get_xdata()[0] for line in ax.lines if line.get_linewidth() == 2]
    assert medians[0] == 50
    assert "limit: 50" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_hostile_labels_draw(tmp_path: Path) -> None:
    names = ("$x^{", "a\x00\x07\nb" * 5_000, "日本語 👍")
    for display in (
        BalanceDisplay({"train": [1, 2, 3]}, names),
        DifferenceDisplay(np.eye(3, dtype=int), np.eye(3, dtype=int), names),
    ):
        assert "日本語 👍" in inline_svg(drawn(display.figure(), "svg"), "n", "d")
        assert drawn(display.figure(), "png")


def test_clipping_keeps_one_line() -> None:
    assert clipped("a\tb\r\nc\x00d", 80) == "a b c d"
    assert len(clipped("x" * 100, 10)) == 10
