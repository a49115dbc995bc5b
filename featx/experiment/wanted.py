"""The runs that a step will make, known before any text is encoded; and whether others stand in their places."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from featx.baselines import METHODS, Method, Reads, find_method
from featx.errors import RunError, SettingsError
from featx.experiment.context import Context
from featx.experiment.probe_record import settings_facts
from featx.experiment.records import checkpoint_facts, finished_run, has_run, run_facts
from featx.experiment.sources import on_given, planned_facts
from featx.features.external_features import read_features
from featx.runs import runs_in_the_way
from featx.settings import BaselineSettings, FeatureSettings

#: Names of the control runs, after the method's.
RANDOM, SHUFFLED = "+random-encoder", "+shuffled-labels"


@dataclass(frozen=True)
class Wanted:
    """A run that a step will make.

    Attributes
    ----------
    folder : Path
    facts : callable
        Gives what identifies the run; called only where a run stands in its place.
    is_drawn : bool
        Whether its checkpoint has random weights, whose digest is known once they are drawn.
    n_folds : int or None
        How many folds it is one of.
    """

    folder: Path
    facts: Callable[[], dict[str, Any]]
    is_drawn: bool = False
    n_folds: int | None = None


def check_places(wanted: Iterable[Wanted], overwrite: bool) -> None:
    """Check, before any work, that no other run stands where one is wanted.

    Raises
    ------
    RunError
        If some do; names the first, and says how many.
    """
    places = list(wanted)
    clashes = []
    for run in places if not overwrite else ():
        if not has_run(run.folder) and not runs_in_the_way(run.folder, run.n_folds):
            continue
        try:
            finished_run(run.folder, run.facts(), overwrite, run.is_drawn)
        except RunError as e:
            clashes.append(e)
    if clashes:
        raise RunError(f"{clashes[0]} ({len(clashes)} of the {len(places)} runs asked for clash; none was begun)")


def wanted_baselines(context: Context, settings: BaselineSettings, features: FeatureSettings) -> Iterator[Wanted]:
    """Yield a run for each method, seed and fold, controls last."""
    methods = expand_methods(settings.methods)
    named = [(method, method.name) for method in methods]
    if settings.controls:
        named += control_runs(methods, settings.features_file)
    n_folds = None if context.dataset.folds is None else len(context.dataset.folds)
    parts = list(context.of_folds())

    @cache
    def extracted() -> dict[str, Any] | None:
        if settings.features_file is not None:
            return on_given(context.dataset, read_features(settings.features_file)).feature_facts(settings.combine)
        return planned_facts(context.checkpoint, context.resolved(features), settings.combine)

    def facts(method: Method, name: str, seed: int, part: Context) -> dict[str, Any]:
        reads_features = method.reads is Reads.FEATURES
        encodes = reads_features and settings.features_file is None
        return run_facts(
            part.dataset,
            name,
            seed,
            checkpoint=checkpoint_facts(context.checkpoint) if encodes else None,
            features=extracted() if reads_features else None,
            settings=settings_facts(method, settings),
        )

    for (method, name), seed, part in itertools.product(named, settings.seeds, parts):
        made = partial(facts, method, name, seed, part)
        yield Wanted(part.place(name, seed), made, name.endswith(RANDOM), n_folds)


def expand_methods(names: Sequence[str]) -> list[Method]:
    """Return methods by name, each once; ``all`` stands for every one."""
    if not names:
        raise SettingsError(f"`methods` is empty; expected some of: {', '.join(METHODS)}, or all", "methods")
    wanted = [known for name in names for known in (METHODS if name == "all" else [name])]
    return [find_method(name) for name in dict.fromkeys(wanted)]


def control_runs(methods: Sequence[Method], features_file: Path | None = None) -> list[tuple[Method, str]]:
    """Return the method that the controls repeat, with the name of each control run.

    Features from a file have no encoder that could be drawn at random.
    """
    probe = control_method(methods)
    suffixes = (RANDOM, SHUFFLED) if features_file is None else (SHUFFLED,)
    return [(probe, probe.name + suffix) for suffix in suffixes]


def control_method(methods: Sequence[Method]) -> Method:
    """Return the probe that the controls repeat: ``logreg`` if it is named, else the first on features."""
    reading = [method for method in methods if method.reads is Reads.FEATURES]
    if not reading:
        raise SettingsError("`controls` needs a method on features, such as logreg; name one in `methods`", "controls")
    return next((method for method in reading if method.name == "logreg"), reading[0])
