"""`featx compare`: rules of spending, its ledger, and the whole course on a tiny encoder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import make_run
from tiny import make_texts
from trainings import SETTINGS

from featx.errors import RunError, SettingsError
from featx.evaluation import Looks, Verdict
from featx.experiment.comparing.comparing import comparing_of
from featx.experiment.comparing.folds import with_folds
from featx.experiment.comparing.ledger import Ledger, check_same_question, read_ledger, write_ledger
from featx.experiment.comparing.spending import Because, On, Spend, Standing, first_plan, next_step
from featx.experiment.comparing.spread import spread_features, spread_layers
from featx.experiment.finetune import finetune
from featx.experiment.report import Reported
from featx.experiment.shown import Compared
from featx.reporting import compare as compare_runs
from featx.session import Session
from featx.settings import CompareSettings, FeatureSettings, FinetuneSettings, Pooling, ReportSettings
from featx.settings.durations import seconds_of

OPEN = Standing(
    is_decided=False,
    looks_left=3,
    under_trained=False,
    trials=8,
    seeds=3,
    most_trials=16,
    most_seeds=5,
    seed_share=0.6,
    seconds_left=1_000.0,
    trial_seconds=10.0,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"is_decided": True}, Because.DECIDED),
        ({"looks_left": 0}, Because.LOOKS),
        ({"under_trained": True}, On.TRIALS),
        ({"under_trained": True, "trials": 16}, Because.LIMITS),
        ({"under_trained": True, "trials": 0}, Because.LIMITS),
        ({}, On.SEEDS),
        ({"seed_share": None, "seeds": 1}, On.SEEDS),
        ({"seed_share": 0.1}, Because.TEXTS),
        ({"seed_share": 0.1, "fold_seconds": 900.0}, On.FOLDS),
        ({"seed_share": 0.1, "fold_seconds": 1_100.0}, Because.BUDGET),
        ({"seeds": 5, "fold_seconds": 900.0}, On.FOLDS),
        ({"fold_seconds": 900.0}, On.SEEDS),
        ({"seeds": 5}, Because.LIMITS),
        ({"seeds": 1, "most_seeds": 1, "seed_share": None, "has_folds": True}, Because.TEXTS),
        ({"seconds_left": 5.0}, Because.BUDGET),
        ({"seconds_left": 5.0, "is_decided": True}, Because.DECIDED),
    ],
)
def test_time_goes_where_the_answer_is_open(changes: dict[str, object], expected: On | Because) -> None:
    then = next_step(replace(OPEN, **changes))
    assert (then.on if isinstance(then, Spend) else then) is expected


@given(st.integers(0, 20), st.integers(1, 9), st.floats(0, 1e5), st.floats(0.01, 1e4))
def test_a_first_plan_fits_the_budget_and_the_limits(
    most_trials: int, most_seeds: int, left: float, trial_seconds: float
) -> None:
    plan = first_plan(most_trials, most_seeds, left, trial_seconds, trial_seconds)
    if plan is None:
        assert left < trial_seconds
        return
    trials, seeds = plan
    assert trials <= most_trials
    assert 1 <= seeds <= most_seeds
    assert (max(trials, 1) + seeds - 1) * trial_seconds <= left


def test_where_no_search_fits_one_short_training_may() -> None:
    assert first_plan(16, 5, 60.0, 100.0, 50.0) == (0, 1)
    assert first_plan(16, 5, 40.0, 100.0, 50.0) is None


def test_without_a_budget_the_most_thorough_plan_is_taken() -> None:
    assert first_plan(16, 5, float("inf"), 100.0, 50.0) == (8, 3)


@pytest.mark.parametrize("text", ["", "30", "m", "-5m", "0s", "1d", "5m3h", "nan", "1h 30x"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="expected a time such as 90s, 30m or 1h30m") as raised:
        seconds_of(text)
    assert raised.value.setting == "budget"


@given(st.integers(1, 80))
def test_the_spread_begins_with_the_last_layer_and_is_never_more_than_four(n_layers: int) -> None:
    layers = spread_layers(n_layers)
    assert layers[0] == n_layers
    assert list(layers) == sorted(set(layers), reverse=True)
    assert min(layers) >= 1
    assert len(layers) == min(4, n_layers)


def test_what_the_user_names_is_read_as_it_is() -> None:
    named = FeatureSettings(layer=(3,), pooling=(Pooling.MAX,))
    assert spread_features(named, 12) == named
    assert Pooling.CLS not in spread_features(FeatureSettings(), 12, is_causal=True).pooling


def test_a_ledger_is_kept_and_one_that_is_broken_is_no_clean_slate(tmp_path: Path) -> None:
    assert read_ledger(tmp_path) is None
    ledger = Ledger(Looks(4).next(), ("a",), ended="decided", budget_seconds=60.0)
    write_ledger(tmp_path, ledger)
    assert read_ledger(tmp_path) == ledger
    (tmp_path / "compare.json").write_text(json.dumps({"looks": "none"}))
    with pytest.raises(RunError, match=r"compare\.json cannot be read"):
        read_ledger(tmp_path)


def test_looking_at_the_same_runs_again_is_no_new_look() -> None:
    ledger = Ledger(Looks(2)).looked([])
    assert ledger.looked([]) == ledger


def test_other_runs_are_shown_by_the_next_look_and_by_none_when_all_are_made(tmp_path: Path) -> None:
    run = make_run(tmp_path, "logreg")
    ledger = Ledger(Looks(2)).looked([])
    assert ledger.shown([]) == ledger.looks
    assert ledger.shown([run]) == ledger.looks.next()
    used_up = ledger.looked([run])
    assert used_up.shown([]).now == 0
    two_sided = [make_run(tmp_path, "finetune", 0.95, n=600), make_run(tmp_path, "logreg", 0.5, n=600)]
    assert compare_runs(two_sided).headline.verdict is Verdict.BETTER
    made = compare_runs(two_sided, looks=used_up.shown([]))
    assert made.headline.verdict is Verdict.UNDECIDED
    assert made.row("logreg").verdict == "undecided"


def test_another_metric_is_another_question(tmp_path: Path) -> None:
    ledger = Ledger(Looks(3), metric="f1_macro", margin=0.02)
    check_same_question(ledger, ReportSettings(), tmp_path)
    for other in (ReportSettings(metric="accuracy"), ReportSettings(margin=0.1), ReportSettings(confidence=0.99)):
        with pytest.raises(RunError, match="holds a comparison by"):
            check_same_question(ledger, other, tmp_path)


@given(st.tuples(st.integers(0, 16), st.integers(0, 5)), st.integers(0, 16), st.integers(1, 5), st.floats(0, 400))
def test_what_is_done_is_neither_undone_nor_paid_again(
    done: tuple[int, int], most_trials: int, most_seeds: int, left: float
) -> None:
    plan = first_plan(most_trials, most_seeds, left, 10.0, 10.0, done)
    if plan is not None and done[1]:
        assert plan[0] >= done[0]
        assert plan[1] >= done[1]
    if done[1] and done[0] >= most_trials and done[1] >= most_seeds:
        assert plan == done


#: Long enough for a tiny encoder to have nothing more to learn.
LONG = replace(SETTINGS, num_train_epochs=30)
CHEAP = ("majority", "tfidf-logreg", "logreg")


def compared(tiny: Path, tmp_path: Path, **settings: object) -> Compared:
    """Compare on 300 short texts that a word tells the label of."""
    texts, labels = make_texts(300)
    cuts = {"train": slice(0, 160), "validation": slice(160, 200), "test": slice(200, 300)}
    splits = {name: (texts[cut], labels[cut]) for name, cut in cuts.items()}
    session = Session(splits, tiny, results=tmp_path / "results", cache_dir=tmp_path / "cache")
    wanted = {"classical": CHEAP, "most_trials": 1, "most_seeds": 2, "n_resamples": 999} | settings
    return session.compare(**wanted)


def test_a_comparison_leaves_ordinary_runs_its_ledger_and_a_report_and_goes_on(tiny: Path, tmp_path: Path) -> None:
    first = compared(tiny, tmp_path)
    folder = first.files[0].parents[1]
    methods = {path.parent.name for path in folder.glob("*/seed-0")}
    assert methods == {*CHEAP, "finetune"}
    assert len(list(folder.glob("finetune/seed-*"))) == 2
    ledger = read_ledger(folder)
    assert [step.name for step in ledger.steps][:4] == ["words", "extract", "frozen", "fine-tune"]
    assert ledger.ended in {reason.value for reason in Because}
    assert 1 <= len(ledger.looks.levels) <= ledger.looks.planned
    record = json.loads((folder / "logreg" / "seed-0" / "run.json").read_text())
    assert record["features_note"] == "`pooling` auto is cls: an encoder that says nothing else of itself"
    kinds = record["features"]["kinds"]
    assert {(kind["layer"], kind["pooling"]) for kind in kinds} == {(2, "cls"), (2, "mean"), (1, "cls"), (1, "mean")}
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/seed-*/run.json")}
    again = compared(tiny, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/seed-*/run.json")} == before
    assert again.answer == first.answer
    assert read_ledger(folder).looks == ledger.looks


def test_only_the_first_seed_searches_and_a_longer_search_keeps_the_trials(tiny: Path, tmp_path: Path) -> None:
    texts, labels = make_texts(200)
    session = Session((texts, labels), tiny, results=tmp_path / "results", cache_dir=tmp_path / "cache")
    settings = FinetuneSettings(search=8, seeds=(0, 1), search_each_seed=False, search_passes=(1, 2))
    runs = finetune(session, settings)
    chosen = [run.record.selection.chosen for run in runs]
    assert chosen[0] == chosen[1]
    assert [len(run.record.selection.trials) for run in runs] == [8, 1]
    longer = finetune(session, replace(settings, search=9), extend=True)
    trials = longer[0].record.selection.trials
    assert len(trials) == 9
    assert [t.fit_seconds for t in trials[:8]] == [t.fit_seconds for t in runs[0].record.selection.trials]
    with pytest.raises(RunError, match="other settings"):
        finetune(session, replace(settings, search=9, weight_decay=0.5), extend=True)


def test_too_small_a_budget_says_so_and_leaves_what_was_cheap(tiny: Path, tmp_path: Path) -> None:
    made = compared(tiny, tmp_path, budget="0.001s")
    assert {row["method"] for row in made.rows} == {"majority", "tfidf-logreg"}
    assert read_ledger(made.files[0].parents[1]).ended == "budget"


def test_few_texts_without_a_test_split_are_tested_by_folds(tiny: Path, tmp_path: Path) -> None:
    texts, labels = make_texts(150)
    session = Session((texts, labels), tiny, results=tmp_path / "results", cache_dir=tmp_path / "cache")
    made = session.compare(classical=("majority", "logreg"), most_trials=0, n_resamples=999)
    folder = made.files[0].parents[1]
    assert len(list(folder.glob("finetune/seed-0/fold-*"))) == 5
    assert not list(folder.glob("finetune/seed-1"))
    assert made.comparison.data.test.n_texts == 150
    before = {path: path.stat().st_mtime_ns for path in folder.glob("**/run.json")}
    session.compare(classical=("majority", "logreg"), most_trials=0, n_resamples=999)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("**/run.json")} == before


def test_a_test_split_that_the_data_bring_is_left_as_it_is(tiny: Path) -> None:
    texts, labels = make_texts(150)
    splits = {"train": (texts[:100], labels[:100]), "test": (texts[100:], labels[100:])}
    session = Session(splits, tiny)
    assert with_folds(session).dataset.folds is None
    assert with_folds(Session((texts, labels), tiny)).dataset.folds is not None


def test_folds_follow_where_the_test_texts_keep_the_answer_open(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("featx.experiment.comparing.folds._FEW_TEXTS", 0)
    texts, labels = make_texts(120)  # 18 of test, which decide nothing
    session = Session((texts, labels), tiny, results=tmp_path / "results", cache_dir=tmp_path / "cache")
    wanted = CompareSettings(classical=("majority", "tfidf-logreg"), most_trials=0, most_seeds=2)

    def compare() -> Reported:
        fast = ReportSettings(n_resamples=999)
        return comparing_of(session, wanted, reporting=fast, finetuning=LONG).run().reported

    made = compare()
    folder = made.files[0].parents[1]
    assert folder.name.endswith("-compare-folds")
    assert made.comparison.data.test.n_texts == 120
    first = read_ledger(folder.with_name(folder.name.removesuffix("-folds")))
    last = read_ledger(folder)
    assert (first.ended, last.looked_at[:-1]) == ("folds", first.looked_at)
    assert last.looks.levels[: len(first.looks.levels)] == first.looks.levels
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").glob("**/run.json")}
    compare()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "results").glob("**/run.json")} == before
    assert read_ledger(folder).looks == last.looks


def test_without_optuna_nothing_is_searched_and_that_is_said(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from featx.experiment.comparing import comparing as module

    said: list[str] = []
    session = Session(make_texts(30), tiny)
    monkeypatch.setattr(session.display, "say", said.append, raising=False)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert comparing_of(session)._settings.most_trials == 0
    assert any("pip install 'featx[search]'" in line for line in said)
