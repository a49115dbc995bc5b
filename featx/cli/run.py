"""``featx run``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from featx.cli.display import make_display
from featx.cli.options import command as make_command
from featx.cli.options import json_option, option, quiet_option, results_options, workspace
from featx.cli.output import show_report


@make_command("run")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@option("--dry-run", is_flag=True, help="List the runs, and which of them are done; run nothing.")
@option("--print-default", is_flag=True, help="Print a commented experiment file in which every value is the default.")
@results_options
@json_option
@quiet_option
def command(file: Path | None, **options: Any) -> None:
    r"""Run the experiment that FILE (TOML) describes: baselines, fine-tuning, report.

    Runs that are there with the same settings are kept, so an interrupted experiment goes on where it stopped.

    \b
    featx run --print-default > experiment.toml
    featx run experiment.toml --dry-run
    featx run experiment.toml
    """
    if options["print_default"]:
        from featx.experiment.example import example

        click.echo(example(), nl=False)
        return
    if file is None:
        raise click.UsageError("Missing argument 'FILE'; featx run --print-default prints one to start from")
    from featx.experiment.plan import planned_runs, read_plan, run_plan

    plan = read_plan(file)
    if options["dry_run"]:
        _show_planned(planned_runs(plan, workspace(options)), options["as_json"])
        return
    reported = run_plan(plan, workspace(options), make_display(options["quiet"]))
    show_report(reported, "json" if options["as_json"] else "table")


def _show_planned(planned: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"runs": [{"folder": str(run.folder), "state": run.state} for run in planned]}))
        return
    width = max(len(str(run.folder)) for run in planned)
    for run in planned:
        click.echo(f"{run.folder!s:{width}}  {run.state}")
    n_done = sum(run.state == "done" for run in planned)
    click.echo(f"{len(planned)} runs, {n_done} done")
