"""``featx report``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from featx.cli.options import default_of, option, texts_option
from featx.cli.output import show_report
from featx.settings import ReportSettings


@click.command("report")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@option(
    "--reference",
    default=default_of(ReportSettings, "reference"),
    help="Method that others are compared with.",
)
@option("--metric", default=default_of(ReportSettings, "metric"), help="Metric of the comparison.")
@option(
    "--margin",
    type=float,
    default=default_of(ReportSettings, "margin"),
    help="Difference of the metric that would not matter.",
)
@option("--format", "format_name", default="table", show_default=True, help="table, md, csv, tex or json.")
@option(
    "--output",
    envvar="FEATX_REPORT_OUTPUT",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder.  [RESULTS/report]",
)
@texts_option
@option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
def command(results: tuple[Path, ...], **options: Any) -> None:
    r"""Compare the runs in RESULTS: print the table, write tables, figures and an HTML page.

    \b
    featx report results/demo
    featx report results/demo --reference logreg --format csv
    """
    from featx.experiment.report import check_format, report

    check_format(options["format_name"])
    settings = replace(
        ReportSettings(), reference=options["reference"], metric=options["metric"], margin=options["margin"]
    )
    reported = report(results, settings, options["output"], with_texts=not options["no_texts"])
    show_report(reported, options["format_name"])
    if options["open_page"]:
        click.launch(str(reported.files[0].resolve()))
