"""Every setting of featx, declared once: command line, experiment files, Python and documentation are derived.

No run-time state lives here, and nothing heavy is imported. May import ``errors`` only.
"""

from featx.settings.baseline import BaselineSettings
from featx.settings.cache import CACHE_DIR_VARIABLE, CachePlace, CacheUrl, cache_folder, cache_place, local_folder
from featx.settings.checkpoint import DEFAULT_CHECKPOINT, Checkpoint, CheckpointSettings
from featx.settings.choices import (
    Calibration,
    CaveatCode,
    ClassWeights,
    Combine,
    Device,
    Dtype,
    Engine,
    FinetuneMethod,
    Format,
    Long,
    OnBlank,
    Optimizer,
    Pooling,
    Projection,
    Quoting,
    Refit,
    SaveStrategy,
    Schedule,
    SplitName,
    TableFormat,
    WandbMode,
    choose,
    one_long,
)
from featx.settings.compare import CompareSettings
from featx.settings.compute import ComputeSettings, RaySettings
from featx.settings.data import DEMO, DataSettings
from featx.settings.features import FeatureSettings
from featx.settings.finetune import DEMO_FINETUNE, FinetuneSettings, SavingSettings, TrackingSettings
from featx.settings.groups import GROUPS
from featx.settings.identity import identity_facts
from featx.settings.prediction import PredictionSettings
from featx.settings.reading import aliases_of, check_keys, names_of, settings_from, split_settings
from featx.settings.report import SELECTION_METRIC, ReportSettings
from featx.settings.tables import TableSettings
from featx.settings.workspace import DEFAULT_RESULTS, WorkspaceSettings

__all__ = [
    "CACHE_DIR_VARIABLE",
    "DEFAULT_CHECKPOINT",
    "DEFAULT_RESULTS",
    "DEMO",
    "DEMO_FINETUNE",
    "GROUPS",
    "SELECTION_METRIC",
    "BaselineSettings",
    "CachePlace",
    "CacheUrl",
    "Calibration",
    "CaveatCode",
    "Checkpoint",
    "CheckpointSettings",
    "ClassWeights",
    "Combine",
    "CompareSettings",
    "ComputeSettings",
    "DataSettings",
    "Device",
    "Dtype",
    "Engine",
    "FeatureSettings",
    "FinetuneMethod",
    "FinetuneSettings",
    "Format",
    "Long",
    "OnBlank",
    "Optimizer",
    "Pooling",
    "PredictionSettings",
    "Projection",
    "Quoting",
    "RaySettings",
    "Refit",
    "ReportSettings",
    "SaveStrategy",
    "SavingSettings",
    "Schedule",
    "SplitName",
    "TableFormat",
    "TableSettings",
    "TrackingSettings",
    "WandbMode",
    "WorkspaceSettings",
    "aliases_of",
    "cache_folder",
    "cache_place",
    "check_keys",
    "choose",
    "identity_facts",
    "local_folder",
    "names_of",
    "one_long",
    "settings_from",
    "split_settings",
]
