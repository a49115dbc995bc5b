"""``featx baseline``: classical methods on texts or on frozen features, each a run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from featx.baselines import Method, Reads, Workers, enough_workers, n_settings
from featx.errors import TrainingError
from featx.experiment.context import Context
from featx.experiment.features import extract_splits
from featx.experiment.probe import Probes
from featx.experiment.records import remove_replaced
from featx.experiment.sources import Source, on_features, on_given, on_texts, with_shuffled_labels
from featx.experiment.wanted import RANDOM, SHUFFLED, check_places, control_method, expand_methods, wanted_baselines
from featx.features.device import thread_limit
from featx.features.external_features import read_features
from featx.features.random_checkpoint import random_checkpoint_folder
from featx.runs import Run
from featx.settings import BaselineSettings, CheckpointSettings, FeatureSettings


def baseline(
    context: Context,
    settings: BaselineSettings | None = None,
    features: FeatureSettings | None = None,
) -> list[Run]:
    """Fit, tune and measure classical methods.

    A run that is there with the same data, checkpoint, features and settings is kept as it is.

    Returns
    -------
    list of Run
        One for each fold, method and seed, controls last; those that failed say why in their record.

    Raises
    ------
    RunError
        If another run stands where one is wanted; before any text is encoded.
    TrainingError
        If every method failed.
    """
    settings, features = settings or BaselineSettings(), features or FeatureSettings()
    methods = expand_methods(settings.methods)
    check_places(wanted_baselines(context, settings, features), context.workspace.overwrite)
    context.keep_test_texts()
    runs, workers = [], None
    with ExitStack() as stack:
        for part in context.of_folds():
            source = _feature_source(part, methods, features, settings.features_file)
            if workers is None:
                workers = stack.enter_context(_workers(context, methods, settings, source))
            runs += _runs(part, settings, features, source, workers)
    if all(made.record.failure for made in runs):
        raise TrainingError(f"every method failed, the first, {runs[0].record.method}: {runs[0].record.failure}")
    remove_replaced(runs)
    return runs


def _runs(
    context: Context, settings: BaselineSettings, features: FeatureSettings, source: Source | None, workers: Workers
) -> list[Run]:
    """Return the runs of every method and seed on the data of `context`, which is all or one fold."""
    methods = expand_methods(settings.methods)
    probe = control_method(methods) if settings.controls else None
    with thread_limit(context.compute.threads), tempfile.TemporaryDirectory(prefix="featx-") as temporary:
        files = Path(temporary) if workers.elsewhere else None
        sources = {Reads.TEXTS: on_texts(context.dataset)}
        if source is not None:
            sources[Reads.FEATURES] = source.gathered(files)
        probes = Probes(context, settings, workers)
        runs = [run for method in methods for run in probes.runs(method, sources[method.reads])]
        if probe is not None and settings.features_file is None:
            runs += probes.runs(probe, _at_random(context, features).gathered(files), RANDOM)
        if probe is not None:
            runs += probes.runs(probe, with_shuffled_labels(sources[Reads.FEATURES]), SHUFFLED)
    return runs


def _feature_source(
    context: Context, methods: Sequence[Method], features: FeatureSettings, features_file: Path | None
) -> Source | None:
    """Return what methods on features read; None where there are none."""
    if features_file is not None:
        return on_given(context.dataset, read_features(features_file))
    if all(method.reads is Reads.TEXTS for method in methods):
        return None
    return on_features(context.dataset, extract_splits(context, list(context.dataset.splits), features))


def _at_random(context: Context, features: FeatureSettings) -> Source:
    """Return the features of a checkpoint of the same shape with random weights."""
    folder = random_checkpoint_folder(context.checkpoint, context.workspace.cache)
    drawn = context.on(CheckpointSettings(str(folder)))
    made = extract_splits(drawn, list(context.dataset.splits), context.resolved(features))
    named = replace(made.checkpoint, name=f"{context.checkpoint.name} (random weights)")
    return on_features(context.dataset, replace(made, checkpoint=named), "random encoder")


def _workers(context: Context, methods: Sequence[Method], settings: BaselineSettings, source: Source | None) -> Workers:
    """Return processes for all fits together; `threads` bounds them where `jobs` is not given."""
    n_kinds, compute = 0 if source is None else len(source.kinds), context.compute
    n_folds = 1 if context.dataset.folds is None else len(context.dataset.folds)
    n_fits = n_folds * sum(
        n_settings(method) * (n_kinds if method.reads is Reads.FEATURES else 1) for method in methods
    )
    workers = enough_workers(settings.jobs, n_fits * (settings.cv or 1), settings.time_limit)
    if settings.jobs is None and compute.threads is not None:
        workers.jobs = min(workers.jobs, compute.threads)
    return workers
