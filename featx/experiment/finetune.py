"""``featx finetune``: fine-tuning, a run for each seed."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from featx.experiment.context import Context
from featx.experiment.extending import go_on_from, shorter_search
from featx.experiment.features import SplitFeatures
from featx.experiment.fine_tuning import FineTuning, chosen_settings, fine_tune
from featx.experiment.finetune_record import finetune_record
from featx.experiment.linear_probe import Probe, fit_probe, probe_features
from featx.experiment.progress import Silent
from featx.experiment.records import checkpoint_facts, finished_run, remove_replaced, run_facts
from featx.experiment.wanted import Wanted, check_places
from featx.features.device import find_device, thread_limit
from featx.features.native_types import with_type
from featx.features.tokens import TokenizedTexts
from featx.runs import Run, environment, identity_of, read_run, write_run
from featx.runs.lock import only_one
from featx.runs.measuring import reset_peak_memory
from featx.runs.wandb_log import WandbLog
from featx.settings import (
    Dtype,
    FinetuneMethod,
    FinetuneSettings,
    Long,
    SavingSettings,
    TrackingSettings,
    identity_facts,
)
from featx.training import Finetuned, Hooks, Interrupts, check_settings, interrupts
from featx.training import finetune as finetune_checkpoint
from featx.training.processes import is_first, leave, world_size

#: Name of a run's method by what is trained.
METHODS = {
    FinetuneMethod.FULL: "finetune",
    FinetuneMethod.LP: "finetune-lp",
    FinetuneMethod.LORA: "finetune-lora",
}


@dataclass
class _Job:
    """What all seeds share, on the data or on one fold of it."""

    context: Context
    settings: FinetuneSettings
    saving: SavingSettings
    tracking: TrackingSettings
    device: str
    interrupts: Interrupts
    tokens: dict[Long, dict[str, TokenizedTexts]] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return METHODS[self.settings.method]

    @cached_property
    def probe_features(self) -> SplitFeatures:
        """What probes read, extracted once; the training then needs the memory."""
        features = probe_features(self.context, self.settings.max_length, self.settings.long)
        self.context.release()
        return features


def finetune(
    context: Context,
    settings: FinetuneSettings | None = None,
    saving: SavingSettings | None = None,
    tracking: TrackingSettings | None = None,
    *,
    extend: bool = False,
) -> list[Run]:
    """Fine-tune a checkpoint and measure it.

    A run that is there with the same data, checkpoint and settings is kept as it is; a training that was interrupted
    goes on from its last checkpoint. Under torchrun every process trains, and the first alone writes and shows. With
    `extend` a search takes the place of a shorter one with the same settings, and goes on from its trials.

    Returns
    -------
    list of Run
        One for each seed and fold; empty in all processes but the first.

    Raises
    ------
    RunError
        If another run stands where one is wanted; before anything is trained.
    """
    settings = settings or FinetuneSettings()
    check_settings(settings)
    given, settings = settings, with_type(settings, context.compute)
    if not is_first():
        context.display = Silent()
    if given.dtype is Dtype.AUTO:
        context.display.say(f"`dtype` auto is {settings.dtype.value}: the fastest type that is computed natively")
    wanted = wanted_fine_tunings(context, settings)
    others = [run for run in wanted if not (extend and shorter_search(run.folder, run.facts()))]
    check_places(others, context.workspace.overwrite)
    if is_first():
        context.keep_test_texts()
    device = find_device(context.compute.device).type
    check_settings(settings, device)
    context.release()
    runs = []
    with thread_limit(context.compute.threads), interrupts() as held:
        shared = settings, saving or SavingSettings(), tracking or TrackingSettings(), device, held
        jobs = [_Job(part, *shared) for part in context.of_folds()]
        for seed, job in itertools.product(settings.seeds, jobs):
            folder = job.context.place(job.method, seed)
            with only_one(folder) if is_first() else nullcontext():
                run = _run(job, folder, seed, extend)
            if run is not None:
                runs.append(run)
    remove_replaced(runs)
    leave()
    return runs


def wanted_fine_tunings(context: Context, settings: FinetuneSettings) -> Iterator[Wanted]:
    """Yield a run for each seed and fold."""
    settings = with_type(settings, context.compute)
    n_folds = None if context.dataset.folds is None else len(context.dataset.folds)
    for seed, part in itertools.product(settings.seeds, context.of_folds()):
        made = partial(_facts, part, settings, seed)
        yield Wanted(part.place(METHODS[settings.method], seed), made, n_folds=n_folds)


def _facts(context: Context, settings: FinetuneSettings, seed: int) -> dict[str, Any]:
    checkpoint = checkpoint_facts(context.checkpoint)
    method = METHODS[settings.method]
    return run_facts(context.dataset, method, seed, checkpoint=checkpoint, settings=identity_facts(settings))


def _run(job: _Job, folder: Path, seed: int, extend: bool) -> Run | None:
    context = job.context
    facts = _facts(context, job.settings, seed)
    shorter = shorter_search(folder, facts) if extend else None
    kept = finished_run(folder, facts, context.workspace.overwrite or shorter is not None)
    if kept is not None:
        context.display.say(f"{folder} is there with the same data and settings: kept")
        return kept if is_first() else None
    reset_peak_memory(job.device)
    settings = _settings_of(job, seed)
    probe = None
    if job.settings.method is FinetuneMethod.LP:
        probe = fit_probe(context.dataset, job.probe_features, seed)
    checkpoints = _checkpoints_folder(folder, facts)
    if shorter is not None and is_first():
        go_on_from(shorter, checkpoints)
    log = WandbLog(job.tracking, context.folder, context.display.say)
    if is_first():
        name = "-".join(filter(None, [job.method, f"seed-{seed}", context.fold]))
        log.begin(name, context.experiment, _config(facts, job))
    try:
        made = _trained(job, settings, seed, probe, checkpoints, log)
        run = _written(job, facts, probe, made, folder) if is_first() else None
        if run is not None:
            log.finish(run.record, run.predictions)
    except BaseException:
        log.abandon()
        raise
    if is_first():
        for path in folder.parent.glob(f".{folder.name}-checkpoints-*"):
            shutil.rmtree(path, ignore_errors=True)
    return run


def _settings_of(job: _Job, seed: int) -> FinetuneSettings:
    """Return the settings of one seed: with the first one's choice where that alone searches."""
    settings, first = job.settings, job.settings.seeds[0]
    if not settings.search or settings.search_each_seed or seed == first:
        return settings
    chosen = read_run(job.context.place(job.method, first)).record.selection.chosen
    return replace(settings, search=0, **{name: chosen[name] for name in chosen_settings(settings, settings)})


def _trained(
    job: _Job, settings: FinetuneSettings, seed: int, probe: Probe | None, checkpoints: Path, log: WandbLog
) -> FineTuning:
    context, head = job.context, None if probe is None else probe.head

    def train(settings: FinetuneSettings, hooks: Hooks, folder: Path | None) -> Finetuned:
        tokens = job.tokens.setdefault(settings.long[0], {})
        return finetune_checkpoint(
            context.checkpoint, context.dataset, settings, seed, job.device, hooks, head, job.saving, folder, tokens
        )

    name = f"{job.method} {context.fold}".rstrip()
    made = fine_tune(train, settings, seed, checkpoints, name, context.display, job.interrupts, log.log)
    return replace(made, asked=job.settings)


def _written(job: _Job, facts: dict[str, Any], probe: Probe | None, made: FineTuning, folder: Path) -> Run:
    dataset, search = job.context.dataset, job.settings.search
    predictions, seconds = {}, {}
    for split in ("validation", "test"):
        predictions[split], seconds[split] = made.model.predict(dataset.splits[split])
    record, advice = finetune_record(facts, dataset, made, probe, predictions, seconds["test"], search, job.device)
    if advice:
        job.context.display.say(f"{folder}: {advice}")
    write_run(folder, record, predictions, made.model.save)
    return read_run(folder)


def _checkpoints_folder(folder: Path, facts: Mapping[str, Any]) -> Path:
    """Return a folder beside the run, under a hidden name that no other training has."""
    identity = identity_of(facts) | {"processes": world_size()}
    digest = sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    return folder.with_name(f".{folder.name}-checkpoints-{digest}")


def _config(facts: Mapping[str, Any], job: _Job) -> dict[str, Any]:
    """Return what Weights & Biases is told of a run: no address and no path, since they can name a user."""
    return {
        "method": facts["method"],
        "seed": facts["seed"],
        **facts["settings"],
        "checkpoint": Path(job.context.checkpoint.name).name,
        "checkpoint_digest": job.context.checkpoint.digest,
        "label_names": list(job.context.dataset.label_names),
        "splits": {name: asdict(split) for name, split in facts["data"].splits.items()},
        "environment": environment(job.device) | {"processes": world_size()},
    }
