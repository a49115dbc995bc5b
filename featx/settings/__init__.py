"""Every setting of featx, declared once: command line, experiment files, Python and documentation are derived.

No run-time state lives here, and nothing heavy is imported. May import ``errors`` only.
"""

from featx.settings.baseline import BaselineSettings
from featx.settings.cache import CACHE_DIR_VARIABLE, CachePlace, CacheUrl, cache_folder, cache_place, local_folder
from featx.settings.checkpoint import DEFAULT_CHECKPOINT, Checkpoint, CheckpointSettings
from featx.settings.choices import (
    Calibration,
    ClassWeights,
    Combine,
    Device,
    Dtype,
    Engine,
    FinetuneMethod,
    Format,
    Pooling,
    Refit,
    SaveStrategy,
    WandbMode,
    choose,
)
from featx.settings.compute import ComputeSettings, RaySettings
from featx.settings.data import DEMO, DataSettings, Quoting, SplitName, TableSettings
from featx.settings.features import FeatureSettings
from featx.settings.finetune import DEMO_FINETUNE, FinetuneSettings, SavingSettings, TrackingSettings
from featx.settings.prediction import PredictionSettings
from featx.settings.report import SELECTION_METRIC, ReportSettings
from featx.settings.workspace import DEFAULT_RESULTS

__all__ = [
    "CACHE_DIR_VARIABLE",
    "DEFAULT_CHECKPOINT",
    "DEFAULT_RESULTS",
    "DEMO",
    "DEMO_FINETUNE",
    "SELECTION_METRIC",
    "BaselineSettings",
    "CachePlace",
    "CacheUrl",
    "Calibration",
    "Checkpoint",
    "CheckpointSettings",
    "ClassWeights",
    "Combine",
    "ComputeSettings",
    "DataSettings",
    "Device",
    "Dtype",
    "Engine",
    "FeatureSettings",
    "FinetuneMethod",
    "FinetuneSettings",
    "Format",
    "Pooling",
    "PredictionSettings",
    "Quoting",
    "RaySettings",
    "Refit",
    "ReportSettings",
    "SaveStrategy",
    "SavingSettings",
    "SplitName",
    "TableSettings",
    "TrackingSettings",
    "WandbMode",
    "cache_folder",
    "cache_place",
    "choose",
    "local_folder",
]
