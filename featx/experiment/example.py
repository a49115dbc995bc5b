"""The example that ``featx run --print-default`` writes: every setting with its default, and what it means.

Names and values are read from the settings themselves, so that the example cannot fall behind them.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields
from typing import Any

from featx.settings import (
    BaselineSettings,
    CheckpointSettings,
    ComputeSettings,
    DataSettings,
    FeatureSettings,
    FinetuneSettings,
    ReportSettings,
    SavingSettings,
    TrackingSettings,
)

_TABLES: dict[str, tuple[type[Any], str]] = {
    "data": (DataSettings, "Labelled texts: a file, a folder, NAME[:CONFIG] on the Hub, or demo."),
    "checkpoint": (
        CheckpointSettings,
        "A Hub name, a folder, or demo. Write [[checkpoint]] tables to compare several.",
    ),
    "features": (FeatureSettings, "What the baselines read of the frozen encoder."),
    "compute": (ComputeSettings, "How the work is done; changes no result."),
    "baseline": (BaselineSettings, "Classical methods. Without this table, and with [finetune], there are none."),
    "finetune": (FinetuneSettings, "Fine-tuning, under the Trainer's own names."),
    "saving": (SavingSettings, "Checkpoints of a fine-tuning that runs long; changes no result."),
    "tracking": (TrackingSettings, "Fine-tuning told to Weights & Biases."),
    "report": (ReportSettings, "How methods are compared."),
}
_MEANINGS = {
    "data.text_column": "found by name when left out",
    "data.label_column": "found by name when left out",
    "data.revision": "branch, tag or commit of a data set on the Hub",
    "data.validation_fraction": "cut from train where there is no validation split",
    "data.test_fraction": "cut from a single file",
    "data.split_seed": "of splits that are cut; not that of the methods",
    "checkpoint.revision": "branch, tag or commit on the Hub",
    "features.layers": '0 is the embeddings, -1 the last; or "all"',
    "features.poolings": "cls (first token), mean",
    "features.max_length": "tokens at which texts are cut; the checkpoint's limit when left out",
    "features.dtype": "float32, bfloat16, float16",
    "compute.device": "auto, cpu, cuda, mps",
    "compute.batch_tokens": "tokens of a batch, padding included; by device when left out",
    "compute.threads": "of torch, tokenizers and BLAS; theirs when left out",
    "baseline.methods": 'or ["all"]',
    "baseline.combine": "of several layers and poolings: each, concat, or both are tried",
    "baseline.cv": "folds of train that choices are made on; validation when left out",
    "baseline.refit": "train, or train+validation",
    "baseline.calibrate": "none, sigmoid, isotonic: for methods without probabilities",
    "baseline.time_limit": "seconds for one method and seed",
    "baseline.jobs": "processes; all cores when left out",
    "baseline.controls": "also the same on a random encoder and on shuffled labels",
    "finetune.method": "full, lp (from the linear probe), lora (adapters)",
    "finetune.max_steps": "steps after which training ends in any case; -1 for no bound",
    "finetune.logging_steps": "steps between entries of the log; ten entries an epoch when left out",
    "finetune.warmup_steps": "or their share when below 1",
    "finetune.class_weights": "none, balanced",
    "finetune.early_stopping_patience": "evaluations without a better score after which training ends",
    "finetune.dtype": "float32, bfloat16, float16, by autocast",
    "finetune.freeze_layers": "encoder layers that stay as they are; 0 trains all",
    "finetune.search": "trials of learning rate and epochs on validation; 0 takes them as they stand here",
    "finetune.search_warmup": "whether the trials choose warmup_steps as well",
    "finetune.r": "of the adapters, as lora_alpha and lora_dropout",
    "finetune.max_length": "tokens at which texts are cut; the checkpoint's limit when left out",
    "saving.resume": "whether to go on from the last whole checkpoint of the same training",
    "saving.save_strategy": "no, epoch, steps",
    "saving.save_steps": "between checkpoints, for steps",
    "saving.save_total_limit": "checkpoints that are kept, the newest",
    "tracking.wandb": "off, offline, online",
    "report.reference": "method that others are compared with",
    "report.margin": "difference of the metric that would not matter",
    "report.confidence": "of the intervals",
    "report.n_resamples": "of the bootstrap",
}
#: What a setting that has no default looks like.
_EXAMPLES = {
    "max_length": "128",
    "batch_tokens": "4096",
    "threads": "4",
    "cv": "5",
    "early_stopping_patience": "3",
    "logging_steps": "10",
    "time_limit": "600",
    "jobs": "4",
}


def example() -> str:
    """A TOML file in which every value is the default; what has none stands in a comment."""
    parts = [
        "# An experiment of featx. Every value here is the default; leave out what you do not change.",
        "# featx run FILE.toml runs it, featx run FILE.toml --dry-run says what it would run.",
        "",
        '# experiment = "…"  # name of the folder in results; from the data\'s address when left out',
        "# seeds = [0, 1, 2]  # of baselines and fine-tuning alike, unless their tables say otherwise",
    ]
    for name, (kind, meaning) in _TABLES.items():
        parts += ["", f"# {meaning}", f"[{name}]", *(_line(name, setting) for setting in fields(kind))]
    return "\n".join(parts) + "\n"


def _line(table: str, setting: Field[Any]) -> str:
    assert setting.default is not MISSING
    meaning = _MEANINGS.get(f"{table}.{setting.name}")
    remark = f"  # {meaning}" if meaning else ""
    if setting.default is None:
        shown = _EXAMPLES.get(setting.name, '"…"')
        return f"# {setting.name} = {shown}{remark}"
    return f"{setting.name} = {_toml(setting.default)}{remark}"


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value)
