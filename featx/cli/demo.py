"""``featx demo``."""

from __future__ import annotations

from typing import Any

from featx.cli.display import make_display
from featx.cli.options import (
    chosen,
    compute_options,
    quiet_option,
    results_options,
    workspace,
)
from featx.cli.options import command as make_command
from featx.cli.output import say, show_prediction, show_report
from featx.settings import ComputeSettings


@make_command("demo")
@compute_options
@results_options
@quiet_option
def command(**options: Any) -> None:
    r"""Compare baselines and full fine-tuning on the packaged messages and checkpoint, without a network.

    \b
    featx demo
    """
    from featx.experiment.demo import demo

    display = make_display(options["quiet"])
    with display.following() as show:
        shown = demo(chosen(ComputeSettings, options), workspace(options), display, show)
    show_report(shown.reported)
    say(f"\nfeatx predict with {shown.best}, the best on validation:")
    for prediction in shown.predictions:
        show_prediction(prediction)
