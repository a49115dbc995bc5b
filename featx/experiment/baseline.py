"""``featx baseline``: classical methods on texts or on frozen features, each a run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from featx.baselines import METHODS, Method, Reads, Workers, enough_workers, find_method, n_settings
from featx.data import TextDataset, load_dataset
from featx.errors import SettingsError, TrainingError
from featx.experiment.features import SplitFeatures, extract_splits
from featx.experiment.probe import Probes
from featx.experiment.progress import Display, Silent
from featx.experiment.records import keep_test_texts
from featx.experiment.sources import Source, on_features, on_given, on_texts, with_shuffled_labels
from featx.experiment.workspace import Workspace
from featx.features.device import thread_limit
from featx.features.external_features import read_features
from featx.features.random_checkpoint import random_checkpoint_folder
from featx.runs import Run, run_folder
from featx.settings import BaselineSettings, ComputeSettings, DataSettings, FeatureSettings

#: Names of the control runs, after the method's.
_RANDOM, _SHUFFLED = "+random-encoder", "+shuffled-labels"


def baseline(
    data: DataSettings,
    checkpoint: str,
    revision: str | None = None,
    settings: BaselineSettings | None = None,
    features: FeatureSettings | None = None,
    compute: ComputeSettings | None = None,
    workspace: Workspace | None = None,
    display: Display | None = None,
    features_file: Path | None = None,
) -> list[Run]:
    """Fit, tune and measure classical methods.

    A run that is there with the same data, checkpoint, features and settings is kept as it is. `features_file` is an
    ``.npz`` of features that came from elsewhere, in the order of the texts; then nothing is extracted.

    Returns
    -------
    list of Run
        One for each method and seed, controls last; those that failed say why in their record.

    Raises
    ------
    TrainingError
        If every method failed.
    """
    settings = settings or BaselineSettings()
    features_file = features_file or settings.features_file
    features, compute = features or FeatureSettings(), compute or ComputeSettings()
    workspace, display = workspace or Workspace(), display or Silent()
    methods = expand_methods(settings.methods)
    probe = _control_method(methods) if settings.controls else None
    dataset = load_dataset(data)
    for note in dataset.notes:
        display.say(note)
    keep_test_texts(dataset, workspace, data.dataset)
    extracted = given = None
    if features_file is not None:
        given = read_features(features_file)
        given.check_fits(dataset)
    elif any(method.reads is Reads.FEATURES for method in methods):
        extracted = _extracted(dataset, checkpoint, revision, features, compute, workspace, display)
    n_kinds = len(extracted.specs) if extracted else (given.n_layers or 1) if given else 0
    workers = _workers(methods, settings, compute, n_kinds)
    name = workspace.experiment_name(data.dataset)
    runs = []
    with thread_limit(compute.threads), tempfile.TemporaryDirectory(prefix="featx-") as temporary, workers:
        files, random_files = (Path(temporary) / part if workers.elsewhere else None for part in ("own", "random"))
        sources = {Reads.TEXTS: on_texts(dataset)}
        if extracted is not None:
            sources[Reads.FEATURES] = on_features(dataset, extracted, files)
        elif given is not None:
            sources[Reads.FEATURES] = on_given(dataset, given, files)
        probes = Probes(settings, workers, display, workspace.overwrite)

        def run(method: Method, source: Source, suffix: str = "") -> None:
            for seed in settings.seeds:
                folder = run_folder(workspace.results, name, method.name + suffix, seed)
                runs.append(probes.run(method, seed, source, dataset, folder))

        for method in methods:
            run(method, sources[method.reads])
        if probe is not None and extracted is not None:
            folder = random_checkpoint_folder(extracted.checkpoint, workspace.cache)
            at_random = _extracted(dataset, str(folder), None, features, compute, workspace, display)
            named = replace(at_random.checkpoint, name=f"{extracted.checkpoint.name} (random weights)")
            control = on_features(dataset, replace(at_random, checkpoint=named), random_files, "random encoder")
            run(probe, control, _RANDOM)
        if probe is not None:
            run(probe, with_shuffled_labels(sources[Reads.FEATURES]), _SHUFFLED)
    if all(made.record.failure for made in runs):
        raise TrainingError(f"every method failed, the first, {runs[0].record.method}: {runs[0].record.failure}")
    return runs


def expand_methods(names: Sequence[str]) -> list[Method]:
    """Methods by name, each once; ``all`` stands for every one."""
    if not names:
        raise SettingsError(f"--methods is empty; expected some of: {', '.join(METHODS)}, or all")
    wanted = [known for name in names for known in (METHODS if name == "all" else [name])]
    return [find_method(name) for name in dict.fromkeys(wanted)]


def control_runs(methods: Sequence[Method]) -> list[tuple[Method, str]]:
    """The method that the controls repeat, with the name of each control run."""
    probe = _control_method(methods)
    return [(probe, probe.name + suffix) for suffix in (_RANDOM, _SHUFFLED)]


def _control_method(methods: Sequence[Method]) -> Method:
    """The probe that the controls repeat: ``logreg`` if it is among the methods, else the first on features."""
    on_features = [method for method in methods if method.reads is Reads.FEATURES]
    if not on_features:
        raise SettingsError("--controls needs a method on features, such as logreg; name one with --methods")
    return next((method for method in on_features if method.name == "logreg"), on_features[0])


def _extracted(
    dataset: TextDataset,
    checkpoint: str,
    revision: str | None,
    features: FeatureSettings,
    compute: ComputeSettings,
    workspace: Workspace,
    display: Display,
) -> SplitFeatures:
    return extract_splits(
        dataset, list(dataset.splits), checkpoint, revision, features, compute, workspace.cache, display
    )


def _workers(methods: Sequence[Method], settings: BaselineSettings, compute: ComputeSettings, n_kinds: int) -> Workers:
    """Processes for all fits together; ``--threads`` bounds them where ``--jobs`` is not given."""
    n_fits = sum(n_settings(method) * (n_kinds if method.reads is Reads.FEATURES else 1) for method in methods)
    workers = enough_workers(settings.jobs, n_fits * (settings.cv or 1), settings.time_limit)
    if settings.jobs is None and compute.threads is not None:
        workers.jobs = min(workers.jobs, compute.threads)
    return workers
