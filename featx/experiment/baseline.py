"""``featx baseline``: classical methods on texts or on frozen features, each a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.baselines import Fitted, Method, Reads, Trial, find_method, fit, predict, save_classifier
from featx.baselines.fitting import Inputs, grid_points
from featx.baselines.registry import METHODS
from featx.config import SELECTION_METRIC, BaselineSettings, ComputeSettings, DataSettings, FeatureSettings
from featx.data import TextDataset, load_dataset
from featx.errors import SettingsError
from featx.experiment.features import SplitFeatures, extract_splits
from featx.experiment.places import Places
from featx.experiment.progress import Display, Silent
from featx.experiment.records import checkpoint_facts, data_facts, finished_run, keep_test_texts, measured, now
from featx.features.device import thread_limit
from featx.runs import Run, RunRecord, Timings, environment, read_run, run_folder, write_run


def baseline(
    data: DataSettings,
    checkpoint: str,
    revision: str | None = None,
    settings: BaselineSettings | None = None,
    features: FeatureSettings | None = None,
    compute: ComputeSettings | None = None,
    places: Places | None = None,
    display: Display | None = None,
) -> list[Run]:
    """Fit, tune and measure classical methods.

    A run that is there with the same data, checkpoint, features and settings is kept as it is.

    Returns
    -------
    list of Run
        One for each method and seed.
    """
    settings = settings or BaselineSettings()
    features, compute = features or FeatureSettings(), compute or ComputeSettings()
    places, display = places or Places(), display or Silent()
    methods = expand_methods(settings.methods)
    if features.layers is None or len(features.layers) != 1 or len(features.poolings) != 1:
        raise SettingsError("a baseline takes one --layer and one --pooling")
    dataset = load_dataset(data)
    for note in dataset.notes:
        display.say(note)
    keep_test_texts(dataset, places, data.address)
    extracted = None
    if any(method.reads is Reads.FEATURES for method in methods):
        extracted = extract_splits(
            dataset, list(dataset.splits), checkpoint, revision, features, compute, places.cache, display
        )
    folder = places.results
    name = places.experiment_name(data.address)
    runs = []
    with thread_limit(compute.threads):
        for method in methods:
            used = extracted if method.reads is Reads.FEATURES else None
            inputs = _inputs(dataset, used)
            for seed in settings.seeds:
                place = run_folder(folder, name, method.name, seed)
                runs.append(_run(method, seed, dataset, inputs, used, place, places.overwrite, display))
    return runs


def expand_methods(names: Sequence[str]) -> list[Method]:
    """Methods by name, each once; ``all`` stands for every one."""
    if not names:
        raise SettingsError(f"--methods is empty; expected some of: {', '.join(METHODS)}, or all")
    wanted = [known for name in names for known in (METHODS if name == "all" else [name])]
    return [find_method(name) for name in dict.fromkeys(wanted)]


def _inputs(dataset: TextDataset, extracted: SplitFeatures | None) -> dict[str, Inputs]:
    if extracted is None:
        return {name: split.texts for name, split in dataset.splits.items()}
    return {name: extracted.of(name) for name in dataset.splits}


def _run(
    method: Method,
    seed: int,
    dataset: TextDataset,
    inputs: dict[str, Inputs],
    extracted: SplitFeatures | None,
    folder: Path,
    overwrite: bool,
    display: Display,
) -> Run:
    facts: dict[str, Any] = {
        "method": method.name,
        "seed": seed,
        "data": data_facts(dataset),
        "checkpoint": None if extracted is None else checkpoint_facts(extracted.checkpoint),
        "features": None if extracted is None else _feature_facts(extracted),
        "settings": {"grid": {name: list(values) for name, values in method.grid.items()}},
    }
    kept = finished_run(folder, facts, overwrite)
    if kept is not None:
        display.say(f"{folder} is there with the same data and settings: kept")
        return kept
    fitted = _fit(method, seed, dataset, inputs, display)
    predictions, seconds = {}, {}
    for split in ("validation", "test"):
        labels: NDArray[np.int64] = dataset.splits[split].labels
        predictions[split], seconds[split] = predict(fitted.classifier, inputs[split], labels, dataset.label_names)
    record = RunRecord(
        **facts,
        label_names=list(dataset.label_names),
        selection=_selection(fitted),
        converged=fitted.chosen.converged if fitted.chosen.n_iter is not None else None,
        timings=_timings(fitted, extracted, seconds["test"], len(dataset.test)),
        metrics=measured(predictions),
        history=[],
        model_format="skops",
        environment=environment("cpu" if extracted is None else extracted.device),
        created=now(),
    )
    write_run(folder, record, predictions, lambda model: save_classifier(fitted.classifier, model))
    return read_run(folder)


def _fit(method: Method, seed: int, dataset: TextDataset, inputs: dict[str, Inputs], display: Display) -> Fitted:
    n_trials = len(grid_points(method))
    with display.task(f"tune {method.name}", n_trials) as task:
        done = 0

        def show(trial: Trial) -> None:
            nonlocal done
            done += 1
            task.update(done, n_trials, f"validation {SELECTION_METRIC} {trial.score:.3f}")

        train, validation = ((inputs[name], dataset.splits[name].labels) for name in ("train", "validation"))
        return fit(method, train, validation, dataset.label_names, seed, show)


def _feature_facts(extracted: SplitFeatures) -> dict[str, Any]:
    spec = extracted.specs[0]
    return {
        "layer": spec.layer,
        "pooling": spec.pooling.value,
        "max_length": spec.max_length,
        "dtype": spec.dtype.value,
        "spec": spec.name,
    }


def _selection(fitted: Fitted) -> dict[str, Any]:
    trials = [
        {
            "params": trial.params,
            "score": trial.score,
            "fit_seconds": trial.fit_seconds,
            "n_iter": trial.n_iter,
            "converged": trial.converged,
        }
        for trial in fitted.trials
    ]
    summary = ", ".join(f"{name.rpartition('__')[2]}={value:g}" for name, value in fitted.chosen.params.items())
    return {
        "metric": SELECTION_METRIC,
        "split": "validation",
        "chosen": fitted.chosen.params,
        "summary": summary,
        "trials": trials,
    }


def _timings(fitted: Fitted, extracted: SplitFeatures | None, predict_seconds: float, n_test: int) -> Timings:
    extract_seconds = encode_test = 0.0
    if extracted is not None:
        extract_seconds = sum(encoded.encode_seconds for encoded in extracted.encoded.values())
        encode_test = extracted.encoded["test"].encode_seconds
    return Timings(
        extract_seconds=extract_seconds,
        fit_seconds=fitted.fit_seconds,
        predict_seconds=predict_seconds,
        predict_ms_per_text=1_000 * (encode_test + predict_seconds) / n_test,
    )
