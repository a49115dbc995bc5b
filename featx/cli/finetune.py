"""``featx finetune``."""

from __future__ import annotations

from typing import Any

from featx.cli.display import make_display
from featx.cli.options import (
    checkpoint_options,
    chosen,
    data_options,
    json_option,
    options_of,
    quiet_option,
    ray_options,
    results_options,
    session,
)
from featx.cli.options import command as make_command
from featx.cli.output import show_runs
from featx.settings import ComputeSettings, FinetuneSettings, SavingSettings, TrackingSettings


@make_command("finetune")
@data_options
@checkpoint_options
@options_of(FinetuneSettings)
@options_of(SavingSettings)
@options_of(TrackingSettings)
@options_of(ComputeSettings, without=["batch_tokens"])
@ray_options
@results_options
@json_option
@quiet_option
def command(**options: Any) -> None:
    r"""Fine-tune the checkpoint, one run for each seed; the best epoch on validation is kept.

    \b
    featx finetune --dataset demo --checkpoint demo --learning-rate 1e-4
    featx finetune --dataset tweets/ --search 8 --dtype bfloat16
    featx finetune --dataset tweets/ --method lp --seeds 0,1,2
    torchrun --nproc-per-node 2 -m featx finetune --dataset tweets/
    """
    saving, tracking = chosen(SavingSettings, options), chosen(TrackingSettings, options)
    runs = session(options, make_display(options["quiet"])).finetune(
        chosen(FinetuneSettings, options), saving, tracking
    )
    if runs:
        show_runs(runs, options["as_json"])
