"""The course of ``featx compare``: time a few batches, go from cheap to dear, spend where the answer is open."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from featx.evaluation import Looks
from featx.experiment.comparing.folds import cut, with_folds
from featx.experiment.comparing.ledger import Ledger, StepTaken, digest_of, read_ledger, write_ledger
from featx.experiment.comparing.planning import Planned, Planning
from featx.experiment.comparing.spending import Because, On, Spend, Standing, first_plan, next_step
from featx.experiment.comparing.standing import is_decided, seed_share
from featx.experiment.context import Context
from featx.experiment.report import Reported, report
from featx.features.native_types import with_type
from featx.markup import duration
from featx.reporting import Comparison, compare
from featx.runs import find_runs, read_run
from featx.settings import CompareSettings, FeatureSettings, FinetuneSettings, ReportSettings
from featx.settings.durations import seconds_of

#: Looks at test, at most.
_LOOKS = 4


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
    features : FeatureSettings
        A spread of layers and poolings where they are at their defaults.
    finetuning : FinetuneSettings
        What all trainings share.
    reporting : ReportSettings
    show : callable
        Called after each step with what is known by then, and what comes next in words.
    """

    def __init__(
        self,
        context: Context,
        settings: CompareSettings,
        features: FeatureSettings,
        finetuning: FinetuneSettings,
        reporting: ReportSettings,
        show: Callable[[Comparison, str], None] = lambda comparison, then: None,
    ) -> None:
        self._started = time.perf_counter()
        self._budget = None if settings.budget is None else seconds_of(settings.budget)
        self._context, self._settings, self._reporting, self.show = context, settings, reporting, show
        self.planning = Planning(context, settings, features, finetuning)
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
        """Run the comparison to its end."""
        folder = self._context.folder
        ledger = read_ledger(folder) or self._looks or Ledger(Looks(_LOOKS, (), 1 - self._reporting.confidence))
        ledger = replace(ledger, ended="", budget_seconds=self._budget, steps=())
        for step in self.planning.cheap():
            self._do(step, folder, ledger)
            self._tell(folder, ledger, step.then)
        chosen = self._first_plan(self._left())
        if chosen is None:
            return self._end(folder, ledger, Because.BUDGET)
        trials, seeds = self._resumed(chosen)
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
        return first_plan(self._settings.most_trials, self._most_seeds, left, self.planning.trial_seconds())

    @property
    def _most_seeds(self) -> int:
        """Seeds at most; with folds one, since the folds' models differ as those of seeds do."""
        return 1 if self.planning.has_folds else self._settings.most_seeds

    def _resumed(self, chosen: tuple[int, int]) -> tuple[int, int]:
        """Return trials and seeds: those of an earlier command where it came further."""
        found = self.planning.finished()
        return chosen if found is None or found < chosen else found

    def _left(self) -> float:
        spent = time.perf_counter() - self._started
        return float("inf") if self._budget is None else self._budget - spent

    def _do(self, step: Planned, folder: Path, ledger: Ledger) -> None:
        self._context.display.say(f"{step.name}: {step.does} (about {duration(step.seconds)})")
        started = time.perf_counter()
        step.work()
        self._steps.append(StepTaken(step.name, step.seconds, time.perf_counter() - started))
        write_ledger(folder, replace(ledger, steps=tuple(self._steps), seconds=time.perf_counter() - self._started))

    def _compared(self, folder: Path, looks: Looks | None) -> Comparison:
        return compare([read_run(path) for path in find_runs(folder)], self._reporting, looks)

    def _tell(self, folder: Path, ledger: Ledger, then: str) -> None:
        self.show(self._compared(folder, ledger.looks if ledger.looks.levels else None), then)

    def _look(self, folder: Path, ledger: Ledger, trials: int, seeds: int) -> tuple[Ledger, Spend | Because]:
        """Look at test; return what to do next.

        Whether another look can follow is known before this one, from time, limits and validation: the last one may use
        all of the level that is left.
        """
        runs = [read_run(path) for path in find_runs(folder)]
        comparison = compare(runs, self._reporting)
        standing = self._standing(comparison, ledger, trials, seeds)
        open_standing = replace(standing, is_decided=False, looks_left=standing.looks_left - 1)
        is_last = not isinstance(next_step(open_standing), Spend)
        if ledger.looks.planned > len(ledger.looks.levels) or digest_of(runs) in ledger.looked_at[-1:]:
            ledger = ledger.looked(runs, is_last=is_last)
        comparison = compare(runs, self._reporting, ledger.looks)
        then = next_step(replace(standing, is_decided=is_decided(comparison), looks_left=_left_of(ledger)))
        write_ledger(folder, replace(ledger, steps=tuple(self._steps), seconds=time.perf_counter() - self._started))
        self.show(comparison, _in_words(then))
        return ledger, then

    def _standing(self, comparison: Comparison, ledger: Ledger, trials: int, seeds: int) -> Standing:
        headline = comparison.headline
        return Standing(
            is_decided=False,
            looks_left=_left_of(ledger),
            under_trained=headline is not None and (headline.finetuned.under_trained or headline.learned_nothing),
            trials=trials,
            seeds=seeds,
            most_trials=self._settings.most_trials,
            most_seeds=self._most_seeds,
            seed_share=None if headline is None else seed_share(headline, comparison.confidence, comparison.metric),
            seconds_left=self._left(),
            trial_seconds=self.planning.trial_seconds(),
            seed_seconds=self.planning.trial_seconds(),
            fold_seconds=None if self._folded is None else sum(step.seconds for step in self._folded.plan()),
        )

    def _end(self, folder: Path, ledger: Ledger, because: Because) -> Ended:
        seconds = time.perf_counter() - self._started
        ledger = replace(ledger, steps=tuple(self._steps), ended=because.value, seconds=seconds)
        write_ledger(folder, ledger)
        reported = report([folder], self._reporting, with_texts=self._context.workspace.texts)
        return Ended(reported, because, ledger)


def comparing_of(
    context: Context,
    settings: CompareSettings | None = None,
    features: FeatureSettings | None = None,
    reporting: ReportSettings | None = None,
    finetuning: FinetuneSettings | None = None,
    show: Callable[[Comparison, str], None] = lambda comparison, then: None,
) -> Comparing:
    """Return a comparison that is not begun, in an experiment of its own unless one is named."""
    if not context.workspace.experiment:
        context = context.named(f"{context.experiment}-compare"[:100])
    context = with_folds(context)
    features = with_type(features or FeatureSettings(), context.compute, context.ray)
    own = replace(finetuning or FinetuneSettings(), dtype=features.dtype)
    return Comparing(context, settings or CompareSettings(), features, own, reporting or ReportSettings(), show)


def _left_of(ledger: Ledger) -> int:
    return ledger.looks.planned - len(ledger.looks.levels)


def _in_words(then: Spend | Because) -> str:
    if isinstance(then, Spend):
        what = "folds for all methods" if then.on is On.FOLDS else f"{then.on} of fine-tuning in all"
        return f"next: {then.number} {what}, about {duration(then.seconds)}"
    return ENDINGS[then]


#: Why a comparison ended, in words.
ENDINGS = {
    Because.DECIDED: "decided",
    Because.BUDGET: "the budget does not reach for what could decide more",
    Because.TEXTS: "the test texts are too few to decide more, however long it runs",
    Because.LIMITS: "no more trials or seeds are allowed",
}
