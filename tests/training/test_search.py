"""The search tries settings on validation, records every trial, and goes on where it stopped."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trainings import SHORT, dataset, scores, train

from featx.errors import DivergedError, StoppedError, TrainingError
from featx.settings import FinetuneSettings, Long
from featx.training import Finetuned, Hooks, Interrupts, search
from featx.training.search import LEARNING_RATES, WARMUPS
from featx.training.trials import SearchTrial, choose, may_be_chosen
from featx.training.validating import SCALED_LOG_LOSS, STANDARD_ERROR

SETTINGS = replace(SHORT, search=6, learning_rate=3e-4)


class Curves:
    """A training whose scores are made up: the higher its learning rate, the better."""

    def __init__(self, fail: frozenset[int] = frozenset()) -> None:
        self.settings: list[FinetuneSettings] = []
        self.fail = fail

    def __call__(self, settings: FinetuneSettings, hooks: Hooks, folder: Path | None) -> Finetuned:
        self.settings.append(settings)
        if len(self.settings) in self.fail:
            raise DivergedError("the loss is no number at step 3")
        history = []
        for epoch in range(1, int(settings.num_train_epochs) + 1):
            score = settings.learning_rate * 1000 + epoch / 1000
            hooks.on_evaluation(float(epoch), score)
            history.append(
                {"epoch": float(epoch), "eval_f1_macro": score, STANDARD_ERROR: 0.001, SCALED_LOG_LOSS: -score}
            )
        return Finetuned(settings, None, tuple(history), 1.0, {}, float(epoch), score, float(epoch))


def test_every_trial_is_recorded_and_the_best_is_chosen() -> None:
    curves = Curves()
    found = search(replace(SETTINGS, search=20), 0, curves, Hooks())
    assert len(found.trials) == len(curves.settings) == 20
    assert {trial.state for trial in found.trials} == {"complete", "pruned"}
    complete = [trial for trial in found.trials if trial.state == "complete"]
    assert found.best.best_score == max(trial.score for trial in complete)
    assert found.best.model == found.settings
    low, high = LEARNING_RATES[SETTINGS.method]
    for trial, tried in zip(found.trials, curves.settings, strict=True):
        assert low <= tried.learning_rate <= high
        assert tried.num_train_epochs in FinetuneSettings().search_passes
        assert trial.params == {"learning_rate": tried.learning_rate, "num_train_epochs": tried.num_train_epochs}
        assert tried.warmup_steps == SETTINGS.warmup_steps


def test_the_first_trial_is_what_the_user_gave() -> None:
    curves = Curves()
    search(replace(SETTINGS, search=1, learning_rate=1.25e-4, num_train_epochs=3.0), 0, curves, Hooks())
    assert (curves.settings[0].learning_rate, curves.settings[0].num_train_epochs) == (pytest.approx(1.25e-4), 3)


def test_pruned_trials_end_early_below_the_median() -> None:
    found = search(replace(SETTINGS, search=20), 0, Curves(), Hooks())
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        assert len(trial.scores) <= trial.params["num_train_epochs"]
        others = [t.scores[0] for t in found.trials if t.state == "complete"]
        assert trial.scores[0] < max(others)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_trials_leave_no_part_of_the_learning_rates_out(seed: int) -> None:
    found = search(replace(SETTINGS, search=8), seed, Curves(), Hooks())
    low, high = np.log(LEARNING_RATES[SETTINGS.method])
    rates = np.log([trial.params["learning_rate"] for trial in found.trials[1:]])
    assert sorted(((rates - low) / (high - low) * 7).astype(int)) == list(range(7))
    epochs = [trial.params["num_train_epochs"] for trial in found.trials[1:]]
    assert all(1 <= epochs.count(wanted) <= 3 for wanted in FinetuneSettings().search_passes)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_as_many_trials_as_were_asked_for(n: int) -> None:
    assert len(search(replace(SETTINGS, search=n), 0, Curves(), Hooks()).trials) == n


def test_no_trial_is_pruned_before_half_of_its_training() -> None:
    pruned = [
        trial
        for seed in range(3)
        for trial in search(replace(SETTINGS, search=20), seed, Curves(), Hooks()).trials
        if trial.state == "pruned"
    ]
    shares = {len(trial.scores) / trial.params["num_train_epochs"] for trial in pruned}
    assert 0.5 <= min(shares) <= 0.6


def test_a_long_trial_is_not_held_against_short_ones_that_are_done() -> None:
    """All follow one curve by share of training, the long one above it: by epochs it would be behind."""

    def train(settings: FinetuneSettings, hooks: Hooks, folder: Path | None) -> Finetuned:
        total = int(settings.num_train_epochs)
        for epoch in range(1, total + 1):
            score = epoch / total + (0.01 if total == 5 else 0.0)
            hooks.on_evaluation(float(epoch), score)
        return Finetuned(settings, None, (), 1.0, {}, float(epoch), score, float(epoch))

    for seed in range(5):
        found = search(replace(SETTINGS, search=12), seed, train, Hooks())
        assert all(trial.state == "complete" for trial in found.trials if trial.params["num_train_epochs"] == 5)


def test_by_seed_the_same_trials() -> None:
    a, b, c = ([t.params for t in search(SETTINGS, seed, Curves(), Hooks()).trials] for seed in (0, 0, 1))
    assert a == b
    assert a[1:] != c[1:]


def test_warmup_on_demand() -> None:
    curves = Curves()
    search(replace(SETTINGS, search_warmup=True, search=8), 0, curves, Hooks())
    assert {s.warmup_steps for s in curves.settings} <= set(WARMUPS)
    assert len({s.warmup_steps for s in curves.settings}) > 1


def test_long_texts_are_read_in_one_of_several_ways() -> None:
    curves = Curves()
    ways = (Long.HEAD_TAIL, Long.WINDOWS)
    found = search(replace(SETTINGS, search=8, long=ways), 0, curves, Hooks())
    assert all(len(tried.long) == 1 for tried in curves.settings)
    assert {tried.long[0] for tried in curves.settings} == set(ways)
    assert curves.settings[0].long == (Long.HEAD_TAIL,), "the first trial is the first that was named"
    assert [trial.params["long"] for trial in found.trials] == [tried.long[0] for tried in curves.settings]
    assert found.settings.long[0].value == found.trials[found.number - 1].params["long"]
    one, several = Curves(), Curves()
    search(SETTINGS, 0, one, Hooks())
    search(replace(SETTINGS, long=(Long.WINDOWS,)), 0, several, Hooks())
    assert [t.learning_rate for t in one.settings] == [t.learning_rate for t in several.settings]


def test_a_diverged_trial_is_marked_and_the_search_goes_on() -> None:
    found = search(SETTINGS, 0, Curves(frozenset({2})), Hooks())
    assert (found.trials[1].state, found.trials[1].score) == ("failed", None)
    assert "no number" in found.trials[1].reason
    with pytest.raises(TrainingError, match="none of 2 trials could be trained: the loss is no number"):
        search(replace(SETTINGS, search=2), 0, Curves(frozenset({1, 2})), Hooks())


def complete(score: float, log_loss: float | None, standard_error: float | None = 0.02) -> SearchTrial:
    return SearchTrial({}, score, "complete", [score], 1.0, standard_error=standard_error, log_loss=log_loss)


PRUNED, FAILED = SearchTrial({}, 0.99, "pruned", [0.99], 1.0), SearchTrial({}, None, "failed", [], 1.0, "no number")


@pytest.mark.parametrize(
    ("trials", "number"),
    [
        ([], None),
        ([PRUNED, FAILED], None),
        ([FAILED, PRUNED, complete(0.5, 2.0)], 3),
        ([complete(0.70, 0.8), complete(0.69, 0.7)], 2),  # nearer than one standard error: the log loss decides
        ([complete(0.70, 0.8), complete(0.67, 0.1)], 1),  # farther: it does not
        ([complete(0.70, 0.8), complete(0.68, 0.7), complete(0.71, 0.9)], 1),
        ([complete(0.70, 0.7, 0.001), complete(0.69, 0.1, 0.5)], 1),  # the best one's standard error counts
        ([complete(0.70, 0.7), complete(0.70, 0.7)], 1),
        ([complete(0.69, None, None), complete(0.70, 0.7)], 2),
        ([complete(0.72, None, None), complete(0.71, 0.7)], 1),
    ],
)  # fmt: skip
def test_the_log_loss_decides_where_the_score_cannot(trials: list[SearchTrial], number: int | None) -> None:
    assert choose(trials) == number


@pytest.mark.parametrize("seed", range(20))
def test_what_is_forgotten_is_never_chosen_later(seed: int) -> None:
    rng = np.random.default_rng(seed)
    trials = [
        complete(*(float(value) for value in (score, loss, error)))
        for score, loss, error in zip(
            rng.integers(60, 70, 12) / 100, rng.integers(60, 70, 12) / 100, rng.uniform(0.01, 0.05, 12), strict=True
        )
    ]
    for n in range(1, len(trials) + 1):
        assert choose(trials[:n]) in may_be_chosen(trials[:n])
        later = {choose(trials[:m]) for m in range(n, len(trials) + 1)}
        assert {number for number in later if number is not None and number <= n} <= may_be_chosen(trials[:n])
    assert any(len(may_be_chosen(trials[:n])) < n for n in range(1, len(trials) + 1))


def test_one_that_was_passed_over_can_be_chosen_later() -> None:
    """Its standard error lets the third trial's score bring the second one back, whose model is not in memory."""
    asked: list[FinetuneSettings] = []
    outcomes = [(0.70, 0.66, 0.03), (0.72, 0.68, 0.03), (0.745, 0.70, 0.03)]

    def train(settings: FinetuneSettings, hooks: Hooks, folder: Path | None) -> Finetuned:
        asked.append(settings)
        score, loss, error = outcomes[[settings == earlier for earlier in asked].index(True)]
        hooks.on_evaluation(1.0, score)
        history = ({"epoch": 1.0, "eval_f1_macro": score, STANDARD_ERROR: error, SCALED_LOG_LOSS: loss},)
        return Finetuned(settings, None, history, 1.0, {}, 1.0, score, 1.0)

    found = search(replace(SETTINGS, search=3), 0, train, Hooks())
    assert found.number == 2
    assert len(asked) == 4
    assert found.best.model == found.settings == asked[1] == asked[3]


@pytest.mark.parametrize(
    "content",
    [
        b"[{}]",
        b'[{"params": {"learning_rate": 3e-4, "num_train_epochs": 2}, "score": "high", "state": "complete", "scores": [], "fit_seconds": 1.0, "standard_error": 0.1, "log_loss": 0.1}]',
        b'[{"params": {"learning_rate": 3e-4, "num_train_epochs": 2}, "score": 0.5, "state": "complete", "scores": null, "fit_seconds": 1.0, "standard_error": 0.1, "log_loss": 0.1}]',
        b'[{"params": {"learning_rate": 3e-4, "num_train_epochs": 2}, "score": 0.5, "state": "complete", "scores": ["x"], "fit_seconds": 1.0, "standard_error": 0.1, "log_loss": 0.1}]',
        b'[{"params": {"learning_rate": 3e-4, "num_train_epochs": 2}, "score": 0.5, "state": "done", "scores": [], "fit_seconds": 1.0}]',
        b'[{"params": [], "score": null, "state": "pruned", "scores": [0.5], "fit_seconds": null}]',
        b'{"a": 1}', b"\xff", b"[" * 9_000,
        b'[{"params": {"learning_rate": 1.0, "num_train_epochs": 2}, "score": 9.0, "state": "complete", '
        b'"scores": [9.0], "fit_seconds": 1.0, "standard_error": 0.1, "log_loss": 0.1}]',
        b'[{"params": {"learning_rate": 3e-4, "num_train_epochs": 2}, "score": 0.5, "state": "complete", "scores": [], "fit_seconds": 1.0}]',
    ],
)  # fmt: skip
def test_trials_that_are_damaged_or_of_another_search_are_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trials.json").write_bytes(content)
    made, expected = (search(SETTINGS, 0, Curves(), Hooks(), folder).trials for folder in (tmp_path, None))
    assert [replace(trial, fit_seconds=0.0) for trial in made] == [
        replace(trial, fit_seconds=0.0) for trial in expected
    ]


def test_missing_optuna_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(TrainingError, match=r"`search` needs the package optuna; .*pip install 'featx\[search\]'"):
        search(SETTINGS, 0, Curves(), Hooks())


def test_an_interrupted_search_ends_as_an_unbroken_one(tiny: Path, tmp_path: Path) -> None:
    data, settings = dataset(48), replace(SETTINGS, search=4, num_train_epochs=2, per_device_train_batch_size=16)

    def run(hooks: Hooks, folder: Path | None) -> object:
        def one(chosen: FinetuneSettings, inner: Hooks, place: Path | None) -> Finetuned:
            return train(tiny, chosen, data=data, hooks=inner, folder=place)

        return search(settings, 0, one, hooks, folder)

    unbroken = run(Hooks(), None)
    for at in (4, 10):
        interrupts, steps = Interrupts(), [0]

        def on_step(
            done: int, total: int, at: int = at, held: Interrupts = interrupts, count: list[int] = steps
        ) -> None:
            count[0] += 1
            if count[0] == at:
                held.handle(15, None)

        with pytest.raises(StoppedError):
            run(Hooks(on_step=on_step, interrupts=interrupts), tmp_path)
    resumed = run(Hooks(), tmp_path)

    def facts(found: object) -> list[tuple[object, ...]]:
        return [(trial.params, trial.score, trial.state, trial.scores) for trial in found.trials]

    assert facts(resumed) == facts(unbroken)
    assert np.array_equal(scores(resumed.best, data), scores(unbroken.best, data))
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [f"trial-{resumed.number}", "trials.json"]
    assert resumed.number == choose(resumed.trials)
    again = run(Hooks(on_step=lambda done, total: pytest.fail("trained again")), tmp_path)
    assert np.array_equal(scores(again.best, data), scores(unbroken.best, data))
