"""Long texts on the frozen side: several ways are chosen from on validation, recorded, and predicted with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import LABELS, make_texts

from featx.baselines import candidates_of
from featx.data import Split, TextDataset
from featx.experiment.feature_files import save_features
from featx.experiment.inspect import inspect_data, suggestion
from featx.experiment.inspect.long import kept_by_each
from featx.experiment.sources import planned_facts
from featx.experiment.workspace import Workspace
from featx.features.long_tokens import window_spans
from featx.prediction import load_predictor
from featx.reporting import compare
from featx.session import Session
from featx.settings import Combine, FeatureSettings, Format, Long, Pooling, ReportSettings

SEVERAL = FeatureSettings(
    layer=(1, -1), pooling=(Pooling.CLS, Pooling.MEAN), max_length=12, long=(Long.CUT, Long.WINDOWS)
)


@pytest.fixture
def session(tiny: Path, tmp_path: Path) -> Session:
    splits = {}
    for seed, (name, size) in enumerate({"train": 60, "validation": 15, "test": 30}.items()):
        texts, labels = make_texts(size, seed, 40)
        splits[name] = Split(texts, np.array([LABELS.index(label) for label in labels]), LABELS)
    data = TextDataset("tiny", LABELS, splits)
    return Session(data, str(tiny), workspace=Workspace(tmp_path / "results", None, tmp_path / "cache"))


def test_several_ways_are_chosen_from_recorded_and_predicted_with(session: Session, tmp_path: Path) -> None:
    (run,) = session.baseline(SEVERAL, methods="logreg")
    record = run.record
    assert [kind.get("long") for kind in record.features["kinds"]] == [None] * 4 + ["windows"] * 4
    assert record.features == planned_facts(session.checkpoint, SEVERAL, Combine.BOTH)
    chosen = record.selection.features
    (long,) = {record.features["kinds"][kind].get("long", "cut") for kind in chosen.kinds}
    assert chosen.long == long
    assert record.selection.summary.endswith(long)
    assert {trial.long for trial in record.selection.trials} == {"cut", "windows"}
    best = max(trial.score for trial in record.selection.trials)
    assert best == max(t.score for t in record.selection.trials if t.long == long)
    encoding = session.extract(SEVERAL).features.encoded["test"].seconds_by_long
    timings = record.timings
    assert timings.predict_ms_per_text * 30 / 1_000 == pytest.approx(encoding[Long(long)] + timings.predict_seconds)
    texts = list(session.dataset.test.texts)
    made = load_predictor(run.folder, tmp_path / "cache")(texts)
    scores = np.array([[one.scores[name] for name in LABELS] for one in made])
    assert np.allclose(scores, run.predictions["test"].y_score, atol=1e-3)
    again = session.baseline(SEVERAL, methods="logreg")
    assert again[0].record.created == record.created, "kept"


@pytest.mark.parametrize("long", ["head-tail", "windows"])
def test_one_way_is_recorded_shown_and_predicted_with(session: Session, tmp_path: Path, long: str) -> None:
    (run,) = session.baseline(replace(SEVERAL, long=(Long(long),)), methods="logreg")
    assert {kind["long"] for kind in run.record.features["kinds"]} == {long}
    assert run.record.selection.features.long == long
    texts = list(session.dataset.test.texts)
    scores = [[one.scores[name] for name in LABELS] for one in load_predictor(run.folder, tmp_path / "cache")(texts)]
    assert np.allclose(scores, run.predictions["test"].y_score, atol=1e-3)
    (row,) = compare([run], ReportSettings()).rows
    assert row.features.endswith(f" {long}")
    assert row.settings.endswith(f", {long}")


def test_cut_leaves_the_record_as_it_was(session: Session) -> None:
    (run,) = session.baseline(replace(SEVERAL, long=(Long.CUT,)), methods="logreg")
    assert run.record.features["combine"] == "both"
    assert all(set(kind) == {"layer", "pooling", "spec"} for kind in run.record.features["kinds"])
    assert "cut" not in run.record.selection.summary


def test_side_by_side_stands_what_is_read_in_one_way() -> None:
    kinds, longs = [(1, "cls"), (2, "cls")] * 2, ["cut", "cut", "windows", "windows"]
    made = candidates_of(kinds, Combine.BOTH, longs)
    assert [candidate.kinds for candidate in made] == [(0,), (1,), (0, 1), (2,), (3,), (2, 3)]
    assert [candidate.long for candidate in made] == ["cut"] * 3 + ["windows"] * 3
    alone = candidates_of(kinds[::2], Combine.CONCAT, longs[::2])
    assert [candidate.kinds for candidate in alone] == [(0,), (1,)]


def test_one_way_alone_beside_another_has_nothing_to_combine(session: Session) -> None:
    one = FeatureSettings(pooling=(Pooling.CLS,), max_length=12, long=(Long.CUT, Long.WINDOWS))
    facts = planned_facts(session.checkpoint, one, Combine.BOTH)
    assert len(facts["kinds"]) == 2
    assert facts["combine"] is None


def test_features_of_several_ways_have_names_of_their_own(session: Session, tmp_path: Path) -> None:
    made = session.extract(replace(SEVERAL, layer=(-1,)))
    assert made.array("test", "mean").tobytes() == made.array("test", "mean", "cut").tobytes()
    save_features(made, tmp_path / "features.npz", Format.NPZ)
    save_features(made, tmp_path / "features.parquet", Format.PARQUET)
    held = np.load(tmp_path / "features.npz")
    assert np.array_equal(held["test_features_mean_windows"], made.array("test", "mean", "windows"))
    assert not np.array_equal(held["test_features_mean_windows"], held["test_features_mean_cut"])
    import pyarrow.parquet as pq

    names = pq.read_schema(tmp_path / "features.parquet").names
    assert [name for name in names if name.startswith("layer_2_mean")] == ["layer_2_mean_cut", "layer_2_mean_windows"]
    assert made.features.counts.texts == 2 * 105


def test_inspection_says_what_each_way_keeps(session: Session) -> None:
    made = inspect_data(session, max_length=12)
    cut, ends, windows = made.long
    assert [one.long for one in made.long] == ["cut", "head-tail", "windows"]
    assert (windows.kept, windows.kept_of_longer) == (1.0, 1.0)
    assert cut.kept == ends.kept < 1
    counts = session.extract(replace(SEVERAL, layer=(-1,), long=(Long.WINDOWS,))).features.counts
    cut_counts = session.extract(replace(SEVERAL, layer=(-1,), long=(Long.CUT,))).features.counts
    assert windows.cost == pytest.approx(counts.tokens / cut_counts.tokens)
    assert cut.longer == pytest.approx(cut_counts.truncated / cut_counts.texts)
    assert "name `long` cut,head-tail,windows to choose on validation" in suggestion(made.long)
    assert made.to_json()["long"][2]["windows"] == windows.windows


def test_what_is_kept_is_counted_token_by_token() -> None:
    lengths = np.array([3, 12, 13, 60])
    cut, _, windows = kept_by_each(lengths, 12, 2)
    assert cut.longer == 0.5
    assert cut.kept == pytest.approx((3 + 12 + 12 + 12) / 88)
    assert cut.kept_of_longer == pytest.approx(24 / 73)
    spans = [window_spans(int(n) - 2, 10) for n in lengths]
    assert windows.windows == pytest.approx(np.mean([len(one) for one in spans]))
    assert windows.most_windows == len(spans[-1])
    encoded = sum(stop - start + 2 for one in spans for start, stop in one)
    assert windows.cost == pytest.approx(encoded / (3 + 12 + 12 + 12))
    assert "no text is longer than 60 tokens: `long` changes nothing" in suggestion(kept_by_each(lengths, 60, 2))
    assert "keeps 99.9%" in suggestion(kept_by_each(np.array([100] * 9 + [101]), 100, 2))
