"""The course of ``featx compare``: time a few batches, go from cheap to dear, spend where the answer is open."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from featx.errors import SettingsError, StoppedError
from featx.evaluation import Looks
from featx.experiment.comparing.folds import cut, with_folds
from featx.experiment.comparing.ledger import (
    Ledger,
    StepTaken,
    check_same_question,
    read_ledger,
    write_beside_runs,
    write_ledger,
)
from featx.experiment.comparing.planning import Planned, Planning
from featx.experiment.comparing.repeating import experiment_file
from featx.experiment.comparing.showing import in_words
from featx.experiment.comparing.spending import LEAST_SEEDS, Because, On, Spend, Standing, first_plan, next_step
from featx.experiment.comparing.standing import is_decided, seed_share
from featx.experiment.context import Context
from featx.experiment.report import Reported, check_metric, report
from featx.experiment.wanted import expand_methods
from featx.features.native_types import with_type
from featx.markup import about
from featx.reporting import Comparison, compare
from featx.runs import Run, find_runs, read_run
from featx.settings import (
    CompareSettings,
    FeatureSettings,
    FinetuneSettings,
    ReportSettings,
    SavingSettings,
    TrackingSettings,
)
from featx.settings.durations import seconds_of

#: Looks at test, at most.
_LOOKS = 3


@dataclass(frozen=True)
class Ended:
    """A comparison that ended, its report, and why it ended."""

    reported: Reported
    because: Because
    ledger: Ledger


class Comparing:
    """One ``featx compare``.

    Parameters
    ----------
    context : Context
    settings : CompareSettings
    planning : Planning
    reporting : ReportSettings

    Attributes
    ----------
    file : str or None
        The experiment file that repeats it, which is left beside the runs.
    show : callable
        Called after each step with what is known by then, and what comes next in words.
    """

    def __init__(
        self, context: Context, settings: CompareSettings, planning: Planning, reporting: ReportSettings
    ) -> None:
        self._started = time.perf_counter()
        self._budget = None if settings.budget is None else seconds_of(settings.budget)
        self._context, self._settings, self._reporting, self.planning = context, settings, reporting, planning
        self.file: str | None = None
        self.show: Callable[[Comparison, str], None] = lambda comparison, then: None
        self._steps: list[StepTaken] = []
        self._looks: Ledger | None = None

    def plan(self) -> list[Planned]:
        """Return the steps with a forecast of each, as far as the budget allows."""
        planning = self.planning
        steps = planning.cheap()
        left = self._left() - sum(step.seconds for step in steps)
        chosen = self._first_plan(left)
        return steps if chosen is None else [*steps, planning.finetune(*chosen)]

    def run(self) -> Ended:
        """Run the comparison to its end; what is stopped leaves a report of what is there.

        Raises
        ------
        RunError
            If the folder holds a comparison by another metric, margin or confidence.
        """
        folder, asked = self._context.folder, self._reporting
        first = Ledger(Looks(_LOOKS, (), round(1 - asked.confidence, 12)), metric=asked.metric, margin=asked.margin)
        ledger = read_ledger(folder) or self._looks or first
        check_same_question(ledger, asked, folder)
        if self.file is not None:
            write_beside_runs(folder / "compare.toml", self.file)
        try:
            return self._run(folder, replace(ledger, ended="", budget_seconds=self._budget, steps=()))
        except (KeyboardInterrupt, StoppedError):
            if self._runs(folder):
                self._reported(folder)
            raise

    def _run(self, folder: Path, ledger: Ledger) -> Ended:
        for step in self.planning.cheap():
            if step.may_wait and step.seconds > self._left():
                return self._end(folder, ledger, Because.BUDGET)
            self._do(step, folder, ledger)
            self._tell(folder, ledger, step.then)
        chosen = self._first_plan(self._left())
        if chosen is None:
            return self._end(folder, ledger, Because.BUDGET)
        trials, seeds = chosen
        self._do(self.planning.finetune(trials, seeds), folder, ledger)
        while True:
            ledger, then = self._look(folder, ledger, trials, seeds)
            if isinstance(then, Because):
                return self._end(folder, ledger, then)
            if then.on is On.FOLDS:
                return self._by_folds(ledger)
            trials, seeds = (then.number, seeds) if then.on is On.TRIALS else (trials, then.number)
            self._do(replace(self.planning.finetune(trials, seeds), seconds=then.seconds), folder, ledger)

    @cached_property
    def _folded(self) -> Comparing | None:
        """The same comparison by folds, in an experiment of its own; None where the data cannot be cut so."""
        context = cut(self._context)
        if context is None:
            return None
        other = copy(self)
        other.file = None
        other._context = context.named(f"{self._context.experiment}-folds"[:100])
        other.planning = self.planning.on(other._context)
        return other

    def _by_folds(self, ledger: Ledger) -> Ended:
        """Go on by folds; the looks that were made count on."""
        folded = self._folded
        assert folded is not None
        write_ledger(self._context.folder, replace(ledger, steps=tuple(self._steps), ended=On.FOLDS.value))
        folded._looks = ledger
        return folded.run()

    def _first_plan(self, left: float) -> tuple[int, int] | None:
        most, done = self._settings.most_trials, self.planning.finished()
        trial, single = self.planning.trial_seconds(), self.planning.single_seconds()
        return first_plan(most, self._most_seeds, left, trial, single, done)

    @property
    def _most_seeds(self) -> int:
        """Seeds at most; with folds one, since the folds' models differ as those of seeds do."""
        return 1 if self.planning.has_folds else self._settings.most_seeds

    def _left(self) -> float:
        spent = time.perf_counter() - self._started
        return float("inf") if self._budget is None else self._budget - spent

    def _do(self, step: Planned, folder: Path, ledger: Ledger) -> None:
        self._context.display.say(f"{step.name}: {step.does} ({about(step.seconds)})")
        started = time.perf_counter()
        step.work()
        self._steps.append(StepTaken(step.name, step.seconds, time.perf_counter() - started))
        write_ledger(folder, replace(ledger, steps=tuple(self._steps), seconds=time.perf_counter() - self._started))

    def _runs(self, folder: Path) -> list[Run]:
        return [read_run(path) for path in find_runs(folder)] if any(folder.glob("*/seed-*/**/run.json")) else []

    def _tell(self, folder: Path, ledger: Ledger, then: str) -> None:
        """Show the table so far; a verdict only as far as looks allow it."""
        runs = self._runs(folder)
        if any(run.record.failure is None for run in runs):
            self.show(compare(runs, self._reporting, ledger.shown(runs)), then)

    def _look(self, folder: Path, ledger: Ledger, trials: int, seeds: int) -> tuple[Ledger, Spend | Because]:
        """Look at test, where that could decide something; return what to do next."""
        runs = self._runs(folder)
        comparison = compare(runs, self._reporting, ledger.shown(runs))
        may_decide = self.planning.has_folds or seeds >= max(2, min(LEAST_SEEDS, self._settings.most_seeds))
        if may_decide and (ledger.looks.left or ledger.has_looked_at(runs)):
            ledger = ledger.looked(runs)
            decided = is_decided(comparison)
        else:
            decided = False
        then = next_step(self._standing(comparison, ledger, trials, seeds, decided))
        write_ledger(folder, replace(ledger, steps=tuple(self._steps), seconds=time.perf_counter() - self._started))
        self.show(comparison, in_words(then))
        return ledger, then

    def _standing(self, comparison: Comparison, ledger: Ledger, trials: int, seeds: int, decided: bool) -> Standing:
        headline = comparison.headline
        return Standing(
            is_decided=decided,
            looks_left=ledger.looks.left,
            under_trained=headline is not None and bool(headline.finetuned.under_trained or headline.learned_nothing),
            trials=trials,
            seeds=seeds,
            most_trials=self._settings.most_trials,
            most_seeds=self._most_seeds,
            seed_share=None if headline is None else seed_share(headline, comparison.confidence, comparison.metric),
            seconds_left=self._left(),
            trial_seconds=self.planning.trial_seconds(),
            has_folds=self.planning.has_folds,
            fold_seconds=None if self._folded is None else sum(step.seconds for step in self._folded.plan()),
        )

    def _end(self, folder: Path, ledger: Ledger, because: Because) -> Ended:
        seconds = time.perf_counter() - self._started
        ledger = replace(ledger, steps=tuple(self._steps), ended=because.value, seconds=seconds)
        write_ledger(folder, ledger)
        return Ended(self._reported(folder), because, ledger)

    def _reported(self, folder: Path) -> Reported:
        return report([folder], self._reporting, with_texts=self._context.workspace.texts)


def comparing_of(
    context: Context,
    settings: CompareSettings | None = None,
    features: FeatureSettings | None = None,
    reporting: ReportSettings | None = None,
    finetuning: FinetuneSettings | None = None,
    saving: SavingSettings | None = None,
    tracking: TrackingSettings | None = None,
) -> Comparing:
    """Return a comparison that is not begun, in an experiment of its own unless one is named.

    Raises
    ------
    SettingsError
        If the metric or a method is unknown, or seeds or a search of fine-tuning are asked for: it decides on these.
    """
    reporting, finetuning = reporting or ReportSettings(), finetuning or FinetuneSettings()
    settings = settings or CompareSettings()
    check_metric(reporting.metric)
    expand_methods(settings.classical)
    default = FinetuneSettings()
    if finetuning.seeds != default.seeds or finetuning.search:
        raise SettingsError(
            "a comparison decides itself on seeds and `search` of fine-tuning; bound them by `most_seeds` and "
            "`most_trials`",
            "search",
        )
    if not context.workspace.experiment:
        context = context.named(f"{context.experiment}-compare"[:100])
    context = with_folds(context)
    features = with_type(features or FeatureSettings(), context.compute, context.ray)
    own = replace(finetuning, dtype=features.dtype)
    if settings.most_trials and find_spec("optuna") is None:
        context.say_once(
            "fine-tuning is not searched: that needs the package optuna; install it with: pip install 'featx[search]'"
        )
        settings = replace(settings, most_trials=0)
    planning = Planning(context, settings, features, own, saving, tracking)
    comparing = Comparing(context, settings, planning, reporting)
    comparing.file = experiment_file(context, [settings, features, finetuning, reporting])
    return comparing
