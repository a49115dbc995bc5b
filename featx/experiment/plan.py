"""``featx run FILE.toml``: extract, baseline, finetune and report from one file.

Tables: ``[data]``, ``[checkpoint]``, ``[features]``, ``[compute]``, ``[baseline]``, ``[finetune]``, ``[report]``;
``experiment`` names the results folder. A step runs when its table is there, or when neither ``[baseline]`` nor
``[finetune]`` is.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from featx.config import (
    DEFAULT_CHECKPOINT,
    BaselineSettings,
    ComputeSettings,
    DataSettings,
    FeatureSettings,
    FinetuneSettings,
    ReportSettings,
)
from featx.errors import SettingsError
from featx.experiment.baseline import baseline, expand_methods
from featx.experiment.finetune import finetune
from featx.experiment.places import Places
from featx.experiment.progress import Display
from featx.experiment.report import Reported, check_metric, report
from featx.experiment.settings_file import check_keys, settings_from
from featx.finetune import check_settings

_TABLES = ["data", "checkpoint", "features", "compute", "baseline", "finetune", "report"]


@dataclass(frozen=True)
class CheckpointChoice:
    """Name and revision of the checkpoint."""

    name: str = DEFAULT_CHECKPOINT
    revision: str | None = None


@dataclass(frozen=True)
class Plan:
    """What an experiment file asks for; a step that is not asked for is None."""

    experiment: str | None
    data: DataSettings
    checkpoint: CheckpointChoice
    features: FeatureSettings
    compute: ComputeSettings
    baseline: BaselineSettings | None
    finetune: FinetuneSettings | None
    report: ReportSettings


def read_plan(path: Path) -> Plan:
    """Plan in a TOML file.

    Raises
    ------
    SettingsError
        If the file cannot be read, is no TOML, or holds a wrong key or value.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as e:
        raise SettingsError(f"{path} cannot be read: {e.strerror or e}; give an experiment file") from e
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as e:
        raise SettingsError(f"{path} is no TOML: {e}") from e
    return plan_from(table, str(path))


def plan_from(table: dict[str, Any], where: str) -> Plan:
    """Plan from the content of an experiment file."""
    check_keys(table, ["experiment", *_TABLES], where)
    if "data" not in table:
        raise SettingsError(f'{where}: no [data] table; expected at least: [data] address = "…"')
    experiment = table.get("experiment")
    if experiment is not None and not isinstance(experiment, str):
        raise SettingsError(f"{where}: experiment is {experiment!r}; expected a string in quotes")
    both = "baseline" not in table and "finetune" not in table

    def part(kind: type[Any], name: str) -> Any:
        return settings_from(kind, table.get(name, {}), f"{where}: {name}")

    return Plan(
        experiment=experiment,
        data=part(DataSettings, "data"),
        checkpoint=part(CheckpointChoice, "checkpoint"),
        features=part(FeatureSettings, "features"),
        compute=part(ComputeSettings, "compute"),
        baseline=part(BaselineSettings, "baseline") if both or "baseline" in table else None,
        finetune=part(FinetuneSettings, "finetune") if both or "finetune" in table else None,
        report=part(ReportSettings, "report"),
    )


def run_plan(plan: Plan, places: Places, display: Display) -> Reported:
    """Run every step of `plan`; runs that are there already are kept."""
    check_metric(plan.report.metric)
    if plan.baseline is not None:
        expand_methods(plan.baseline.methods)
    if plan.finetune is not None:
        check_settings(plan.finetune)
    places = replace(places, experiment=places.experiment or plan.experiment)
    checkpoint = plan.checkpoint
    if plan.baseline is not None:
        baseline(
            plan.data,
            checkpoint.name,
            checkpoint.revision,
            plan.baseline,
            plan.features,
            plan.compute,
            places,
            display,
        )
    if plan.finetune is not None:
        finetune(plan.data, checkpoint.name, checkpoint.revision, plan.finetune, plan.compute, places, display)
    return report([places.results / places.experiment_name(plan.data.address)], plan.report)
