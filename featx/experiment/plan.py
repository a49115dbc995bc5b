"""``featx run FILE.toml``: extract, baseline, finetune and report, or the whole comparison, from one file.

Tables are those of `featx.settings.GROUPS`, of which ``[[checkpoint]]`` may stand several times; ``experiment`` may
stand above them, and ``seeds``, which are those of every step that states none of its own. A step runs when its table
is there, or when none of ``[baseline]``, ``[finetune]`` and ``[compare]`` is. With ``[compare]`` the comparison itself
decides what is run, and ``[finetune]`` says what its trainings share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from featx.baselines import Reads
from featx.errors import RunError, SettingsError
from featx.experiment.baseline import baseline
from featx.experiment.context import Context
from featx.experiment.experiment_file import name_of_file, read_toml
from featx.experiment.finetune import finetune, wanted_fine_tunings
from featx.experiment.progress import Display
from featx.experiment.records import differing_parts, has_run
from featx.experiment.report import Reported, check_metric, report
from featx.experiment.wanted import Wanted, check_places, expand_methods, wanted_baselines
from featx.experiment.workspace import Workspace, name_of_address
from featx.runs import read_run, runs_in_the_way
from featx.settings import (
    GROUPS,
    BaselineSettings,
    CheckpointSettings,
    CompareSettings,
    ComputeSettings,
    DataSettings,
    FeatureSettings,
    FinetuneSettings,
    RaySettings,
    ReportSettings,
    SavingSettings,
    TrackingSettings,
    check_keys,
    settings_from,
)
from featx.settings.base import Settings
from featx.training import check_settings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Plan:
    """What an experiment file asks for; a step that is not asked for is None."""

    data: DataSettings
    checkpoints: tuple[CheckpointSettings, ...]
    features: FeatureSettings
    compute: ComputeSettings
    ray: RaySettings
    baseline: BaselineSettings | None
    finetune: FinetuneSettings | None
    saving: SavingSettings
    tracking: TrackingSettings
    report: ReportSettings
    workspace: Workspace
    compare: CompareSettings | None = None


@dataclass(frozen=True)
class Step:
    """The part of a plan on one checkpoint: where its runs lie, and what is run."""

    checkpoint: CheckpointSettings
    workspace: Workspace
    baseline: BaselineSettings | None
    finetune: FinetuneSettings | None


@dataclass(frozen=True)
class Planned:
    """A run of a plan.

    Attributes
    ----------
    folder : Path
    state : str
        ``done``; ``to do``; or in what a run that stands there differs, so that it would not be replaced.
    """

    folder: Path
    state: str


def read_plan(path: Path) -> Plan:
    """Return the plan in a TOML file, or in standard input for ``-``.

    Raises
    ------
    SettingsError
        If the file cannot be read, is no TOML, or holds a wrong key or value.
    """
    return plan_from(read_toml(path), name_of_file(path))


def plan_from(table: dict[str, Any], where: str) -> Plan:
    """Return the plan from the content of an experiment file."""
    check_keys(table, ["experiment", "seeds", *GROUPS], where)
    if "data" not in table:
        raise SettingsError(f'{where}: no [data] table; expected at least: [data] dataset = "…"')
    both = not {"baseline", "finetune", "compare"} & set(table)

    def part(kind: type[S], base: S | None = None) -> S:
        return settings_from(kind, table.get(kind.table, {}), where, base, kind.table)

    def step(kind: type[S]) -> S | None:
        if not both and kind.table not in table:
            return None
        shared = {"seeds": table["seeds"]} if "seeds" in table else {}
        return part(kind, settings_from(kind, shared, where, prefix="" if shared else None))

    named = {"experiment": table["experiment"]} if "experiment" in table else {}
    return Plan(
        data=part(DataSettings),
        checkpoints=_checkpoints(table.get("checkpoint", {}), where),
        features=part(FeatureSettings),
        compute=part(ComputeSettings),
        ray=part(RaySettings),
        baseline=step(BaselineSettings),
        finetune=step(FinetuneSettings),
        saving=part(SavingSettings),
        tracking=part(TrackingSettings),
        report=part(ReportSettings),
        workspace=part(Workspace, settings_from(Workspace, named, where, prefix="")),
        compare=part(CompareSettings) if "compare" in table else None,
    )


def _checkpoints(stated: Any, where: str) -> tuple[CheckpointSettings, ...]:
    """Return one ``[checkpoint]`` or several ``[[checkpoint]]``."""
    tables = stated if isinstance(stated, list) else [stated]
    if not tables:
        raise SettingsError(f"{where}: checkpoint is empty; expected one [checkpoint] or several [[checkpoint]]")
    chosen = tuple(settings_from(CheckpointSettings, table, where, prefix="checkpoint") for table in tables)
    doubled = [choice.checkpoint for k, choice in enumerate(chosen) if choice in chosen[:k]]
    if doubled:
        raise SettingsError(f"{where}: checkpoint {doubled[0]!r} is named twice; remove one")
    return chosen


def steps(plan: Plan, workspace: Workspace) -> list[Step]:
    """Return a step for each checkpoint; with several, each has a results folder of its own, named after it.

    Methods that read texts alone are part of the first step only: they would be the same in every one.
    """
    name = replace(workspace, experiment=workspace.experiment or plan.workspace.experiment).experiment_name(
        plan.data.dataset
    )
    if len(plan.checkpoints) == 1:
        return [Step(plan.checkpoints[0], replace(workspace, experiment=name), plan.baseline, plan.finetune)]
    made = []
    for at, (checkpoint, short) in enumerate(zip(plan.checkpoints, _short_names(plan.checkpoints), strict=True)):
        settings = plan.baseline if at == 0 else _on_features(plan.baseline)
        made.append(Step(checkpoint, replace(workspace, experiment=f"{name}-{short}"[:100]), settings, plan.finetune))
    return made


def _short_names(checkpoints: Sequence[CheckpointSettings]) -> list[str]:
    """Return the last part of each name; numbered where two have the same."""
    shorts = [name_of_address(checkpoint.checkpoint) for checkpoint in checkpoints]
    return [short if shorts.count(short) == 1 else f"{short}-{at}" for at, short in enumerate(shorts, 1)]


def _on_features(settings: BaselineSettings | None) -> BaselineSettings | None:
    if settings is None:
        return None
    names = tuple(method.name for method in expand_methods(settings.methods) if method.reads is Reads.FEATURES)
    return replace(settings, methods=names) if names else None


def check_plan(plan: Plan) -> None:
    """Check what can be checked before any work is done.

    Raises
    ------
    SettingsError
        For an unknown metric or method, or a Trainer setting out of range.
    """
    check_metric(plan.report.metric)
    if plan.compare is not None and (plan.baseline is not None or len(plan.checkpoints) > 1):
        what = "[baseline]" if plan.baseline is not None else "several [[checkpoint]]"
        raise SettingsError(f"[compare] and {what} do not go together: give each an experiment file of its own")
    if plan.baseline is not None:
        expand_methods(plan.baseline.methods)
    if plan.finetune is not None:
        check_settings(plan.finetune)


def run_plan(plan: Plan, workspace: Workspace, display: Display) -> Reported:
    """Run every step of `plan`; runs that are there already are kept. One report shows all checkpoints."""
    check_plan(plan)
    if plan.compare is not None:
        return _compared(plan, workspace, display)
    made = steps(plan, workspace)
    whole = Context(plan.data, compute=plan.compute, ray=plan.ray, display=display)
    on = [(step, whole.on(step.checkpoint, step.workspace)) for step in made]  # each finds its checkpoint once
    check_places([run for step, context in on for run in _wanted(plan, step, context)], workspace.overwrite)
    for step, context in on:
        if step.baseline is not None:
            baseline(context, step.baseline, plan.features)
        if step.finetune is not None:
            finetune(context, step.finetune, plan.saving, plan.tracking)
    folders = [workspace.results / step.workspace.experiment_name(plan.data.dataset) for step in made]
    output = None
    if len(made) > 1:
        named = replace(workspace, experiment=workspace.experiment or plan.workspace.experiment)
        output = workspace.results / named.experiment_name(plan.data.dataset) / "report"
    return report(folders, plan.report, output, with_texts=workspace.texts)


def _compared(plan: Plan, workspace: Workspace, display: Display) -> Reported:
    """Run the comparison that ``[compare]`` asks for."""
    from featx.experiment.comparing.comparing import comparing_of

    folders = replace(workspace, experiment=workspace.experiment or plan.workspace.experiment)
    context = Context(
        plan.data, plan.checkpoints[0], compute=plan.compute, ray=plan.ray, workspace=folders, display=display
    )
    comparing = comparing_of(
        context, plan.compare, plan.features, plan.report, plan.finetune, plan.saving, plan.tracking
    )
    return comparing.run().reported


def planned_runs(plan: Plan, workspace: Workspace) -> list[Planned]:
    """Return the runs of `plan`, and which of them are done.

    Data, checkpoints and tokenizers are read to know what they are; nothing is encoded.
    """
    check_plan(plan)
    if plan.compare is not None:
        raise SettingsError("what [compare] runs is not known before: featx compare --dry-run shows its plan")
    whole = Context(plan.data, compute=plan.compute, ray=plan.ray)
    return [
        Planned(run.folder, _state(run))
        for step in steps(plan, workspace)
        for run in _wanted(plan, step, whole.on(step.checkpoint, step.workspace))
    ]


def _wanted(plan: Plan, step: Step, context: Context) -> Iterator[Wanted]:
    if step.baseline is not None:
        methods = expand_methods(step.baseline.methods)
        if step.baseline.features_file is None and any(method.reads is Reads.FEATURES for method in methods):
            _ = context.checkpoint  # found now: one that is missing is no matter of what was run before
        yield from wanted_baselines(context, step.baseline, plan.features)
    if step.finetune is not None:
        _ = context.checkpoint
        yield from wanted_fine_tunings(context, step.finetune)


def _state(wanted: Wanted) -> str:
    """Return whether the run that stands there is the one that is wanted."""
    if runs_in_the_way(wanted.folder, wanted.n_folds):
        return "there with other folds; `overwrite` to replace it"
    if not has_run(wanted.folder):
        return "to do"
    try:
        run = read_run(wanted.folder)
    except RunError:
        return "broken; `overwrite` to replace it"
    if run.record.failure is not None or run.has_lost_its_model:
        return "to do"
    other = differing_parts(wanted.facts(), run, wanted.is_drawn)
    return f"there with other {', '.join(other)}; `overwrite` to replace it" if other else "done"
