"""``featx finetune``: full fine-tuning, a run for each seed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from featx.config import Checkpoint, ComputeSettings, DataSettings, FinetuneSettings
from featx.data import TextDataset, load_dataset
from featx.experiment.places import Places
from featx.experiment.progress import Display, Silent
from featx.experiment.records import checkpoint_facts, data_facts, finished_run, keep_test_texts, measured, now
from featx.features.checkpoint import find_checkpoint
from featx.features.device import find_device, thread_limit
from featx.finetune import Finetuned
from featx.finetune import finetune as finetune_checkpoint
from featx.runs import Run, RunRecord, Timings, environment, read_run, run_folder, write_run

METHOD = "finetune"


def finetune(
    data: DataSettings,
    checkpoint: str,
    revision: str | None = None,
    settings: FinetuneSettings | None = None,
    compute: ComputeSettings | None = None,
    places: Places | None = None,
    display: Display | None = None,
) -> list[Run]:
    """Fine-tune a checkpoint in full and measure it.

    A run that is there with the same data, checkpoint and settings is kept as it is.

    Returns
    -------
    list of Run
        One for each seed.
    """
    settings, compute = settings or FinetuneSettings(), compute or ComputeSettings()
    places, display = places or Places(), display or Silent()
    dataset = load_dataset(data)
    for note in dataset.notes:
        display.say(note)
    keep_test_texts(dataset, places, data.address)
    device = find_device(compute.device).type
    found = find_checkpoint(checkpoint, places.cache, revision)
    name = places.experiment_name(data.address)
    runs = []
    with thread_limit(compute.threads):
        for seed in settings.seeds:
            folder = run_folder(places.results, name, METHOD, seed)
            runs.append(_run(found, dataset, settings, seed, device, folder, places.overwrite, display))
    return runs


def _run(
    checkpoint: Checkpoint,
    dataset: TextDataset,
    settings: FinetuneSettings,
    seed: int,
    device: str,
    folder: Path,
    overwrite: bool,
    display: Display,
) -> Run:
    chosen = asdict(settings)
    del chosen["seeds"]
    facts: dict[str, Any] = {
        "method": METHOD,
        "seed": seed,
        "data": data_facts(dataset),
        "checkpoint": checkpoint_facts(checkpoint),
        "features": None,
        "settings": chosen,
    }
    kept = finished_run(folder, facts, overwrite)
    if kept is not None:
        display.say(f"{folder} is there with the same data and settings: kept")
        return kept
    with display.task(f"{METHOD} seed {seed}", None) as task:
        made = finetune_checkpoint(checkpoint, dataset, settings, seed, device, task.update)
    if made.n_truncated:
        display.say(
            f"{made.n_truncated} of {len(dataset.train)} train texts are longer than {made.tokenizer.max_length} "
            "tokens and were cut there"
        )
    predictions, seconds = {}, {}
    for split in ("validation", "test"):
        predictions[split], seconds[split] = made.predict(dataset.splits[split])
    record = RunRecord(
        **facts,
        label_names=list(dataset.label_names),
        selection={"summary": f"lr={settings.learning_rate:g}, epochs={settings.num_train_epochs:g}"},
        converged=None,
        timings=_timings(made, seconds["test"], len(dataset.test)),
        metrics=measured(predictions),
        history=[dict(entry) for entry in made.history],
        model_format="transformers",
        environment=environment(device),
        created=now(),
    )
    write_run(folder, record, predictions, made.save)
    return read_run(folder)


def _timings(made: Finetuned, predict_seconds: float, n_test: int) -> Timings:
    return Timings(0.0, made.fit_seconds, predict_seconds, 1_000 * predict_seconds / n_test)
