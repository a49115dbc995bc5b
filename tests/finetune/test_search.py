"""The search tries settings on validation, records every trial, and goes on where it stopped."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trainings import SHORT, dataset, scores, train

from featx.config import FinetuneSettings
from featx.errors import DivergedError, StoppedError, TrainingError
from featx.finetune import Finetuned, Hooks, Interrupts, search
from featx.finetune.search import EPOCHS, LEARNING_RATES, WARMUPS

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
            history.append({"epoch": float(epoch), "eval_f1_macro": score})
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
        assert tried.num_train_epochs in EPOCHS
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
    assert all(1 <= epochs.count(wanted) <= 3 for wanted in EPOCHS)


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


def test_a_diverged_trial_is_marked_and_the_search_goes_on() -> None:
    found = search(SETTINGS, 0, Curves(frozenset({2})), Hooks())
    assert (found.trials[1].state, found.trials[1].score) == ("failed", None)
    assert "no number" in found.trials[1].reason
    with pytest.raises(TrainingError, match="none of 2 trials could be trained: the loss is no number"):
        search(replace(SETTINGS, search=2), 0, Curves(frozenset({1, 2})), Hooks())


@pytest.mark.parametrize(
    "content",
    [
        b"[{}]",
        b'[{"params": {"learning_rate": 3e-4, "num_train_epochs": 2}, "score": "high", "state": "complete", "scores": [], "fit_seconds": 1.0}]',
        b'[{"params": {"learning_rate": 3e-4, "num_train_epochs": 2}, "score": 0.5, "state": "complete", "scores": null, "fit_seconds": 1.0}]',
        b'[{"params": {"learning_rate": 3e-4, "num_train_epochs": 2}, "score": 0.5, "state": "complete", "scores": ["x"], "fit_seconds": 1.0}]',
        b'[{"params": {"learning_rate": 3e-4, "num_train_epochs": 2}, "score": 0.5, "state": "done", "scores": [], "fit_seconds": 1.0}]',
        b'[{"params": [], "score": null, "state": "pruned", "scores": [0.5], "fit_seconds": null}]',
        b'{"a": 1}', b"\xff", b"[" * 9_000,
        b'[{"params": {"learning_rate": 1.0, "num_train_epochs": 2}, "score": 9.0, "state": "complete", '
        b'"scores": [9.0], "fit_seconds": 1.0}]',
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
    with pytest.raises(TrainingError, match=r"--search needs the package optuna; .*pip install 'featx\[search\]'"):
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
    best = next(k for k, trial in enumerate(resumed.trials, 1) if trial.score == resumed.best.best_score)
    assert kept == [f"trial-{best}", "trials.json"]
    again = run(Hooks(on_step=lambda done, total: pytest.fail("trained again")), tmp_path)
    assert np.array_equal(scores(again.best, data), scores(unbroken.best, data))
