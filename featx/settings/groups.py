"""All groups of settings, in the order in which they are shown: the tables of an experiment file."""

from __future__ import annotations

from featx.settings.base import Settings
from featx.settings.baseline import BaselineSettings
from featx.settings.checkpoint import CheckpointSettings
from featx.settings.compare import CompareSettings
from featx.settings.compute import ComputeSettings, RaySettings
from featx.settings.data import DataSettings
from featx.settings.features import FeatureSettings
from featx.settings.finetune import FinetuneSettings, SavingSettings, TrackingSettings
from featx.settings.report import ReportSettings
from featx.settings.workspace import WorkspaceSettings

#: Table in experiment files to the group of settings that it holds.
GROUPS: dict[str, type[Settings]] = {
    kind.table: kind
    for kind in (
        DataSettings,
        CheckpointSettings,
        FeatureSettings,
        ComputeSettings,
        RaySettings,
        BaselineSettings,
        FinetuneSettings,
        SavingSettings,
        TrackingSettings,
        ReportSettings,
        CompareSettings,
        WorkspaceSettings,
    )
}
