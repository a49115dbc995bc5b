"""``featx finetune``."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import click

from featx.cli.display import make_display
from featx.cli.options import (
    cache_option,
    checkpoint_options,
    combined,
    compute_options,
    data_options,
    default_of,
    json_option,
    option,
    quiet_option,
    results_options,
    seeds,
    session,
)
from featx.cli.output import show_runs
from featx.settings import (
    ClassWeights,
    Dtype,
    FinetuneMethod,
    FinetuneSettings,
    SaveStrategy,
    SavingSettings,
    TrackingSettings,
    WandbMode,
    choose,
)

_CHOICES = {
    "method": FinetuneMethod,
    "class_weights": ClassWeights,
    "dtype": Dtype,
    "save_strategy": SaveStrategy,
    "wandb": WandbMode,
}


def _option(settings: type[Any], name: str, kind: type, text: str) -> Any:
    """An option that is named after a field, with its default."""
    flag, default = "--" + name.replace("_", "-"), default_of(settings, name)
    if kind is bool:
        return option(flag, is_flag=True, help=text)
    return option(flag, type=kind, default=getattr(default, "value", default), help=text)


def _chosen(settings: type[Any], kind: type[StrEnum], name: str, text: str) -> Any:
    return _option(settings, name, str, f"{text}: {', '.join(kind)}.")


_training_options = combined(
    _chosen(FinetuneSettings, FinetuneMethod, "method", "What is trained, all, all after a linear probe, or adapters"),
    _option(FinetuneSettings, "num_train_epochs", float, "Passes over train; the best one on validation is kept."),
    _option(FinetuneSettings, "max_steps", int, "Steps after which training ends in any case; -1 for no bound."),
    _option(FinetuneSettings, "learning_rate", float, "Peak learning rate."),
    _option(FinetuneSettings, "per_device_train_batch_size", int, "Texts a step and device."),
    _option(FinetuneSettings, "gradient_accumulation_steps", int, "Batches that make one step."),
    _option(FinetuneSettings, "weight_decay", float, "Of AdamW."),
    _option(FinetuneSettings, "adam_beta1", float, "Of AdamW."),
    _option(FinetuneSettings, "adam_beta2", float, "Of AdamW."),
    _option(FinetuneSettings, "adam_epsilon", float, "Of AdamW."),
    _option(FinetuneSettings, "max_grad_norm", float, "Bound on the gradient's norm; 0 sets none."),
    _option(FinetuneSettings, "warmup_steps", float, "Steps of warm-up, or their share when below 1."),
    _option(FinetuneSettings, "lr_scheduler_type", str, "Schedule of the learning rate."),
    _option(FinetuneSettings, "optim", str, "The Trainer's name of the optimiser."),
    _option(FinetuneSettings, "label_smoothing_factor", float, "Share of the loss that goes to all classes."),
    _chosen(FinetuneSettings, ClassWeights, "class_weights", "Weights of the classes in the loss"),
    _option(
        FinetuneSettings, "early_stopping_patience", int, "Epochs without gain on validation that end it.  [never]"
    ),
    _chosen(FinetuneSettings, Dtype, "dtype", "Type of the arithmetic; weights stay float32"),
    _option(FinetuneSettings, "gradient_checkpointing", bool, "Compute twice, keep less in memory."),
    _option(FinetuneSettings, "freeze_layers", int, "Keep the embeddings and so many first layers; 0 trains all."),
    _option(FinetuneSettings, "search", int, "Trials of learning rate and epochs on validation; 0 for none."),
    _option(FinetuneSettings, "search_warmup", bool, "Let the trials choose the warm-up as well."),
    option("--lora-r", "r", type=int, default=default_of(FinetuneSettings, "r"), help="Rank of adapters."),
    _option(FinetuneSettings, "lora_alpha", float, "Scale of adapters."),
    _option(FinetuneSettings, "lora_dropout", float, "Dropout of adapters."),
    option("--max-length", type=int, help="Tokens at which texts are cut.  [the checkpoint's limit]"),
    _option(FinetuneSettings, "logging_steps", int, "Steps between entries of the log.  [ten entries an epoch]"),
)
_saving_options = combined(
    option(
        "--resume/--no-resume",
        default=default_of(SavingSettings, "resume"),
        help="Go on from the last complete checkpoint of the same training.",
    ),
    _chosen(SavingSettings, SaveStrategy, "save_strategy", "When to write checkpoints"),
    _option(SavingSettings, "save_steps", int, "Steps between checkpoints, with --save-strategy steps."),
    _option(SavingSettings, "save_total_limit", int, "Checkpoints that are kept."),
)
_tracking_options = combined(
    _chosen(TrackingSettings, WandbMode, "wandb", "Weights & Biases"),
    _option(TrackingSettings, "wandb_project", str, "Its project."),
)


@click.command("finetune")
@data_options
@checkpoint_options
@option("--seeds", default=",".join(map(str, default_of(FinetuneSettings, "seeds"))), help="Seeds such as 0,1,2.")
@_training_options
@_saving_options
@_tracking_options
@compute_options
@results_options
@cache_option
@json_option
@quiet_option
def command(**options: Any) -> None:
    r"""Fine-tune the checkpoint, one run for each seed; the best epoch on validation is kept.

    \b
    featx finetune --dataset demo --checkpoint demo --learning-rate 1e-4 --num-train-epochs 4
    featx finetune --dataset tweets/ --search 8 --dtype bfloat16
    featx finetune --dataset tweets/ --method lp --seeds 0,1,2
    torchrun --nproc-per-node 2 -m featx finetune --dataset tweets/
    """
    options["seeds"] = seeds(options["seeds"])
    for name, kind in _CHOICES.items():
        options[name] = choose(kind, options[name], "--" + name.replace("_", "-"))
    groups = [_settings(kind, options) for kind in (FinetuneSettings, SavingSettings, TrackingSettings)]
    runs = session(options, make_display(options["quiet"])).finetune(*groups)
    if runs:
        show_runs(runs, options["as_json"])


def _settings(kind: type[Any], options: dict[str, Any]) -> Any:
    """A settings dataclass out of the options that are named after its fields."""
    from dataclasses import fields

    return kind(**{f.name: options[f.name] for f in fields(kind)})
