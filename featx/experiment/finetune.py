"""``featx finetune``: fine-tuning, a run for each seed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from featx.evaluation import Caveat, Family
from featx.experiment.context import Context
from featx.experiment.features import SplitFeatures
from featx.experiment.linear_probe import Probe, fit_probe, probe_features
from featx.experiment.progress import ProgressBar, Silent
from featx.experiment.records import checkpoint_facts, data_facts, finished_run, measured, now
from featx.features.device import find_device, thread_limit
from featx.features.tokens import TokenizedTexts
from featx.runs import (
    Run,
    RunRecord,
    Selection,
    Timings,
    TrialRecord,
    environment,
    identity_of,
    read_run,
    run_folder,
    write_run,
)
from featx.runs.lock import only_one
from featx.runs.measuring import peak_memory_bytes, reset_peak_memory
from featx.runs.wandb_log import WandbLog
from featx.settings import (
    SELECTION_METRIC,
    FinetuneMethod,
    FinetuneSettings,
    SavingSettings,
    TrackingSettings,
    identity_facts,
)
from featx.training import (
    Diagnosis,
    Finetuned,
    Hooks,
    Interrupts,
    SearchTrial,
    check_settings,
    constant_loss,
    interrupts,
    judge,
    least_loss,
    search,
)
from featx.training import finetune as finetune_checkpoint
from featx.training.processes import is_first, leave, world_size

#: Name of a run's method by what is trained.
METHODS = {
    FinetuneMethod.FULL: "finetune",
    FinetuneMethod.LP: "finetune-lp",
    FinetuneMethod.LORA: "finetune-lora",
}
#: How a search chooses.
_SEARCH_RULE = (
    "within one standard error of the best metric: of trials the lowest temperature-scaled log loss, of the "
    "epochs of a trial the latest"
)


@dataclass
class _Job:
    """What all seeds share."""

    context: Context
    settings: FinetuneSettings
    saving: SavingSettings
    tracking: TrackingSettings
    device: str
    interrupts: Interrupts
    tokens: dict[str, TokenizedTexts] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return METHODS[self.settings.method]

    @cached_property
    def probe_features(self) -> SplitFeatures:
        """What probes read, extracted once; the training then needs the memory."""
        features = probe_features(self.context, self.settings.max_length)
        self.context.release()
        return features


@dataclass(frozen=True)
class _Made:
    """A fine-tuned model and how it was come by."""

    model: Finetuned
    settings: FinetuneSettings
    trials: tuple[SearchTrial, ...]
    fit_seconds: float


def finetune(
    context: Context,
    settings: FinetuneSettings | None = None,
    saving: SavingSettings | None = None,
    tracking: TrackingSettings | None = None,
) -> list[Run]:
    """Fine-tune a checkpoint and measure it.

    A run that is there with the same data, checkpoint and settings is kept as it is; a training that was interrupted
    goes on from its last checkpoint. Under torchrun every process trains, and the first alone writes and shows.

    Returns
    -------
    list of Run
        One for each seed; empty in all processes but the first.
    """
    settings = settings or FinetuneSettings()
    check_settings(settings)
    if is_first():
        context.keep_test_texts()
    else:
        context.display = Silent()
    device = find_device(context.compute.device).type
    check_settings(settings, device)
    context.release()
    runs = []
    with thread_limit(context.compute.threads), interrupts() as held:
        job = _Job(context, settings, saving or SavingSettings(), tracking or TrackingSettings(), device, held)
        for seed in settings.seeds:
            folder = run_folder(context.workspace.results, context.experiment, job.method, seed)
            with only_one(folder) if is_first() else nullcontext():
                run = _run(job, folder, seed)
            if run is not None:
                runs.append(run)
    leave()
    return runs


def _run(job: _Job, folder: Path, seed: int) -> Run | None:
    context = job.context
    facts: dict[str, Any] = {
        "method": job.method,
        "seed": seed,
        "data": data_facts(context.dataset),
        "checkpoint": checkpoint_facts(context.checkpoint),
        "features": None,
        "settings": identity_facts(job.settings),
    }
    kept = finished_run(folder, facts, context.workspace.overwrite)
    if kept is not None:
        context.display.say(f"{folder} is there with the same data and settings: kept")
        return kept if is_first() else None
    reset_peak_memory(job.device)
    probe = None
    if job.settings.method is FinetuneMethod.LP:
        probe = fit_probe(context.dataset, job.probe_features, seed)
    checkpoints = _checkpoints_folder(folder, facts)
    log = WandbLog(job.tracking, context.folder, context.display.say)
    if is_first():
        log.begin(f"{job.method}-seed-{seed}", context.experiment, _config(facts, job))
    try:
        made = _trained(job, seed, probe, checkpoints, log)
        run = _recorded(job, facts, probe, made, folder, log) if is_first() else None
    except BaseException:
        log.abandon()
        raise
    if is_first():
        for path in folder.parent.glob(f".{folder.name}-checkpoints-*"):
            shutil.rmtree(path, ignore_errors=True)
    return run


def _trained(job: _Job, seed: int, probe: Probe | None, checkpoints: Path, log: WandbLog) -> _Made:
    def train(settings: FinetuneSettings, hooks: Hooks, folder: Path | None) -> Finetuned:
        head = None if probe is None else probe.head
        return finetune_checkpoint(
            job.context.checkpoint,
            job.context.dataset,
            settings,
            seed,
            job.device,
            hooks,
            head,
            job.saving,
            folder,
            job.tokens,
        )

    with job.context.display.task(f"{job.method} seed {seed}", None) as task:
        hooks = Hooks(on_step=task.update, say=job.context.display.say, interrupts=job.interrupts)
        if not job.settings.search:
            made = train(job.settings, replace(hooks, on_log=log.log), checkpoints)
            trial = SearchTrial(_chosen(job.settings), made.best_score, "complete", [], made.fit_seconds)
            return _Made(made, job.settings, (trial,), made.fit_seconds)
        return _searched(job, seed, train, hooks, checkpoints, task, log)


def _searched(
    job: _Job, seed: int, train: Any, hooks: Hooks, checkpoints: Path, task: ProgressBar, log: WandbLog
) -> _Made:
    number, said = 1, set()
    total = job.settings.search

    def show(done: int, steps: int) -> None:
        task.update(done, steps, f"trial {number} of {total}")

    def say(remark: str) -> None:  # each trial finds the same
        if remark not in said:
            said.add(remark)
            hooks.say(remark)

    def tell(finished: int, trial: SearchTrial) -> None:
        nonlocal number
        number = finished + 1
        score = "diverged" if trial.score is None else f"{SELECTION_METRIC} {trial.score:.3f}"
        params = ", ".join(f"{name}={value:g}" for name, value in trial.params.items())
        hooks.say(f"trial {finished} of {total}: {params}: {score}{', pruned' if trial.state == 'pruned' else ''}")

    found = search(job.settings, seed, train, replace(hooks, on_step=show, say=say), checkpoints, tell)
    hooks.say(
        f"trial {found.number} is chosen, and its epoch {found.best.best_epoch:g}: within one standard error of the "
        f"best {SELECTION_METRIC}, of trials the lowest log loss after temperature scaling, of its epochs the latest"
    )
    for entry in found.best.history:
        log.log(entry)
    return _Made(found.best, found.settings, found.trials, found.fit_seconds)


def _recorded(job: _Job, facts: dict[str, Any], probe: Probe | None, made: _Made, folder: Path, log: WandbLog) -> Run:
    predictions, seconds = {}, {}
    for split in ("validation", "test"):
        predictions[split], seconds[split] = made.model.predict(job.context.dataset.splits[split])
    verdict = _verdict(job, made)
    if verdict.advice:
        job.context.display.say(f"{folder}: {verdict.advice}")
    record = RunRecord(
        **facts,
        family=Family.FINE_TUNED,
        label_names=job.context.dataset.label_names,
        selection=_selection(made, probe, job.settings.search > 0),
        converged=None,
        timings=_timings(made, probe, seconds["test"], len(job.context.dataset.test)),
        metrics=measured(predictions),
        history=tuple(dict(entry) for entry in made.model.history),
        model_format="transformers",
        environment=environment(job.device) | {"processes": world_size()},
        created=now(),
        caveats=_caveats(verdict),
        under_trained=verdict.under_trained,
        peak_memory_bytes=peak_memory_bytes(job.device),
    )
    write_run(folder, record, predictions, made.model.save)
    run = read_run(folder)
    log.finish(run.record, run.predictions)
    return run


def _verdict(job: _Job, made: _Made) -> Diagnosis:
    settings, train = replace(made.settings, search=job.settings.search), job.context.dataset.train
    counts = np.bincount(train.labels, minlength=job.context.dataset.n_classes)
    losses = [
        loss(settings.class_weights, counts, settings.label_smoothing_factor) for loss in (constant_loss, least_loss)
    ]
    name = f"eval_{SELECTION_METRIC}"
    highest = max((entry for entry in made.model.history if name in entry), key=lambda entry: float(entry[name]))
    return judge(made.model.history, highest["epoch"], made.model.last_epoch, settings, *losses)


def _checkpoints_folder(folder: Path, facts: Mapping[str, Any]) -> Path:
    """Beside the run, under a hidden name that no other training has."""
    identity = identity_of(facts) | {"processes": world_size()}
    digest = sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    return folder.with_name(f".{folder.name}-checkpoints-{digest}")


def _chosen(settings: FinetuneSettings) -> dict[str, Any]:
    names = ("learning_rate", "num_train_epochs", *(("warmup_steps",) if settings.search_warmup else ()))
    return {name: getattr(settings, name) for name in names}


def _caveats(verdict: Diagnosis) -> tuple[Caveat, ...]:
    if verdict.code is None:
        return ()
    kind = "under-trained" if verdict.under_trained else "overfitted"
    return (Caveat(verdict.code, f"{kind}, {verdict.advice}"),)


def _selection(made: _Made, probe: Probe | None, searched: bool) -> Selection:
    settings, model = made.settings, made.model
    summary = f"lr={settings.learning_rate:g}, epochs={settings.num_train_epochs:g}"
    if model.best_epoch < model.last_epoch:
        summary += f", best {model.best_epoch:g}"
    return Selection(
        metric=SELECTION_METRIC,
        chosen=_chosen(settings),
        summary=summary,
        score=model.best_score,
        trials=tuple(map(_trial, made.trials)),
        best_epoch=model.best_epoch,
        best_score=model.best_score,
        last_epoch=model.last_epoch,
        truncated=dict(model.n_truncated),
        rule=_SEARCH_RULE if searched else None,
        probe=None if probe is None else probe.facts,
    )


def _trial(trial: SearchTrial) -> TrialRecord:
    return TrialRecord(
        params=trial.params,
        score=trial.score,
        fit_seconds=trial.fit_seconds,
        error=trial.reason,
        state=trial.state,
        scores=tuple(trial.scores),
        standard_error=trial.standard_error,
        log_loss=trial.log_loss,
    )


def _timings(made: _Made, probe: Probe | None, predict_seconds: float, n_test: int) -> Timings:
    extract_seconds = 0.0 if probe is None else probe.extract_seconds
    fit_seconds = made.fit_seconds + (0.0 if probe is None else probe.fit_seconds)
    return Timings(extract_seconds, fit_seconds, predict_seconds, 1_000 * predict_seconds / n_test)


def _config(facts: Mapping[str, Any], job: _Job) -> dict[str, Any]:
    """What Weights & Biases is told of a run: no address and no path, since they can name a user."""
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
