"""``featx finetune``."""

from __future__ import annotations

from typing import Any

import click

from featx.cli.display import make_display
from featx.cli.options import (
    cache_option,
    checkpoint_options,
    combined,
    compute_options,
    compute_settings,
    data_options,
    data_settings,
    default_of,
    json_option,
    option,
    places,
    quiet_option,
    results_options,
    seeds,
)
from featx.cli.output import show_runs
from featx.config import FinetuneSettings


def _trainer_option(name: str, kind: type, text: str) -> Any:
    return option("--" + name.replace("_", "-"), type=kind, default=default_of(FinetuneSettings, name), help=text)


_trainer_options = combined(
    _trainer_option("num_train_epochs", float, "Passes over train."),
    _trainer_option("learning_rate", float, "Peak learning rate."),
    _trainer_option("per_device_train_batch_size", int, "Texts a step and device."),
    _trainer_option("weight_decay", float, "Of AdamW."),
    _trainer_option("warmup_steps", float, "Steps of warm-up, or their share when below 1."),
    _trainer_option("lr_scheduler_type", str, "Schedule of the learning rate."),
    option("--max-length", type=int, help="Tokens at which texts are cut.  [the checkpoint's limit]"),
)


@click.command("finetune")
@data_options
@checkpoint_options
@option("--seeds", default=",".join(map(str, default_of(FinetuneSettings, "seeds"))), help="Seeds such as 0,1,2.")
@_trainer_options
@compute_options
@results_options
@cache_option
@json_option
@quiet_option
def command(**options: Any) -> None:
    r"""Fine-tune every weight of the checkpoint, one run for each seed.

    \b
    featx finetune --dataset demo --checkpoint demo --learning-rate 1e-4 --num-train-epochs 4
    featx finetune --dataset tweets/ --seeds 0,1,2
    """
    from featx.experiment.finetune import finetune

    settings = FinetuneSettings(
        num_train_epochs=options["num_train_epochs"],
        learning_rate=options["learning_rate"],
        per_device_train_batch_size=options["per_device_train_batch_size"],
        weight_decay=options["weight_decay"],
        warmup_steps=options["warmup_steps"],
        lr_scheduler_type=options["lr_scheduler_type"],
        max_length=options["max_length"],
        seeds=seeds(options["seeds"]),
    )
    runs = finetune(
        data_settings(options),
        options["checkpoint"],
        options["revision"],
        settings,
        compute_settings(options),
        places(options),
        make_display(options["quiet"]),
    )
    show_runs(runs, options["as_json"])
