"""``featx report``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from featx.cli.options import chosen, option, options_of
from featx.cli.options import command as make_command
from featx.cli.output import show_report
from featx.cli.types import type_of
from featx.settings import ReportSettings, TableFormat


@make_command("report")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@options_of(ReportSettings)
@option(
    "--format",
    "format_name",
    type=type_of("format", TableFormat),
    default=TableFormat.TABLE,
    shown_default="table",
    help="Of the table that is printed.",
)
@option(
    "--output",
    envvar="FEATX_REPORT_OUTPUT",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder.  [RESULTS/report]",
)
@option(
    "--texts/--no-texts", default=True, show_default=True, help="Show test texts; without, row numbers stand for them."
)
@option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
def command(results: tuple[Path, ...], **options: Any) -> None:
    r"""Compare the runs in RESULTS: print the table, write tables, figures and an HTML page.

    \b
    featx report results/demo
    featx report results/demo --reference logreg --format csv
    """
    from featx.experiment.report import report

    reported = report(results, chosen(ReportSettings, options), options["output"], with_texts=options["texts"])
    show_report(reported, options["format_name"])
    if options["open_page"]:
        click.launch(str(reported.files[0].resolve()))
