"""``featx run``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from featx.cli.display import make_display
from featx.cli.failures import spelling
from featx.cli.options import command as make_command
from featx.cli.options import json_option, option, quiet_option, results_options, stated
from featx.cli.output import say, say_json, show_report
from featx.cli.tables import table
from featx.errors import spelled
from featx.settings import WorkspaceSettings


@make_command("run")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@option("--dry-run", is_flag=True, help="List the runs, and which of them are done; run nothing.")
@option("--print-default", is_flag=True, help="Print a commented experiment file in which every value is the default.")
@option("--print-schema", is_flag=True, help="Print a JSON Schema, for editors that complete and check TOML.")
@results_options
@json_option
@quiet_option
def command(file: Path | None, **options: Any) -> None:
    r"""Run the experiment that FILE (TOML) describes: baselines, fine-tuning, report.

    Runs that are there with the same settings are kept, so an interrupted experiment goes on where it stopped.
    FILE may be -, for standard input.

    \b
    featx run --print-default > experiment.toml
    featx run experiment.toml --dry-run
    featx run experiment.toml
    featx run --print-default | featx run - --dry-run
    """
    if options["print_default"]:
        from featx.experiment.example import example

        click.echo(example(), nl=False)
        return
    if options["print_schema"]:
        from featx.settings.schema import json_schema

        say_json(json_schema())
        return
    if file is None:
        raise click.UsageError("Missing argument 'FILE'; featx run --print-default prints one to start from")
    from featx.experiment.plan import planned_runs, read_plan, run_plan

    plan = read_plan(file)
    folders = replace(plan.workspace, **stated(WorkspaceSettings))  # what is said here comes before the file
    if options["dry_run"]:
        _show_planned(planned_runs(plan, folders), options["as_json"])
        return
    reported = run_plan(plan, folders, make_display(options["quiet"]))
    show_report(reported, "json" if options["as_json"] else "table")


def _show_planned(planned: Any, as_json: bool) -> None:
    if as_json:
        say_json({"runs": [{"folder": str(run.folder), "state": run.state} for run in planned]})
        return
    say(table(["", ""], [[str(run.folder), spelled(run.state, spelling())] for run in planned]))
    n_done = sum(run.state == "done" for run in planned)
    say(f"{len(planned)} runs, {n_done} done")
