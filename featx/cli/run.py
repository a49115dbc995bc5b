"""``featx run``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from featx.cli.display import make_display
from featx.cli.options import cache_option, places, quiet_option, results_options
from featx.cli.output import show_report


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@results_options
@cache_option
@quiet_option
def command(file: Path, **options: Any) -> None:
    r"""Run the experiment that FILE (TOML) describes: baselines, fine-tuning, report.

    Runs that are there with the same settings are kept, so an interrupted experiment goes on where it stopped.

    \b
    featx run experiment.toml
    """
    from featx.experiment.plan import read_plan, run_plan

    show_report(run_plan(read_plan(file), places(options), make_display(options["quiet"])))
