"""``featx compare``."""

from __future__ import annotations

from typing import Any

from featx.cli.display import make_display
from featx.cli.failures import spelling
from featx.cli.options import (
    checkpoint_options,
    chosen,
    compute_options,
    data_options,
    feature_options,
    json_option,
    option,
    options_of,
    quiet_option,
    ray_options,
    results_options,
    session,
)
from featx.cli.options import command as make_command
from featx.cli.output import say, say_json, show_report
from featx.cli.tables import table
from featx.errors import spelled
from featx.markup import duration
from featx.settings import CompareSettings, FeatureSettings, ReportSettings


@make_command("compare")
@data_options
@checkpoint_options
@options_of(CompareSettings)
@option("--dry-run", is_flag=True, heading="Budget", help="Print the plan and what each step will take; do nothing.")
@feature_options
@options_of(ReportSettings)
@compute_options
@ray_options
@results_options
@json_option
@quiet_option
def command(**options: Any) -> None:
    r"""Compare words, frozen features and fine-tuning: the whole answer, from cheap to dear.

    What is done after each step is kept: interrupt it, and the same command goes on. Time is spent where the answer is
    open, and no more once it is decided.

    \b
    featx compare --dataset reviews.csv --budget 30m
    featx compare --dataset reviews.csv --checkpoint roberta-base --dry-run
    """
    from featx.experiment.comparing.comparing import comparing_of
    from featx.experiment.comparing.showing import ENDINGS

    display = make_display(options["quiet"] or options["as_json"])
    comparing = comparing_of(
        session(options, display),
        chosen(CompareSettings, options),
        chosen(FeatureSettings, options),
        chosen(ReportSettings, options),
    )
    if options["dry_run"]:
        steps = comparing.plan()
        if options["as_json"]:
            say_json({"steps": [{"name": s.name, "does": s.does, "seconds": s.seconds} for s in steps]})
            return
        total = sum(step.seconds for step in steps)
        rows = [[step.name, step.does, duration(step.seconds)] for step in steps]
        say(table(["step", "what", "about"], [*rows, ["in all", "", duration(total)]]))
        return
    with display.following() as comparing.show:
        ended = comparing.run()
    show_report(ended.reported, "json" if options["as_json"] else "table")
    if not options["as_json"]:
        say(spelled(f"ended after {duration(ended.ledger.seconds)}: {ENDINGS[ended.because]}", spelling()))
