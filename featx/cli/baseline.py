"""``featx baseline``."""

from __future__ import annotations

from typing import Any

import click

from featx.cli.display import make_display
from featx.cli.options import (
    batch_option,
    cache_option,
    checkpoint_options,
    compute_options,
    compute_settings,
    data_options,
    data_settings,
    default_of,
    feature_options,
    feature_settings,
    json_option,
    option,
    places,
    quiet_option,
    results_options,
    seeds,
)
from featx.cli.output import show_runs
from featx.config import BaselineSettings


@click.command("baseline")
@data_options
@checkpoint_options
@option(
    "--methods",
    default=",".join(default_of(BaselineSettings, "methods")),
    help="Methods, or all.",
)
@option("--seeds", default=",".join(map(str, default_of(BaselineSettings, "seeds"))), help="Seeds such as 0,1,2.")
@feature_options
@compute_options
@batch_option
@results_options
@cache_option
@json_option
@quiet_option
def command(**options: Any) -> None:
    r"""Fit classical methods, tuned on validation and scored once on test.

    \b
    featx baseline --dataset demo --checkpoint demo
    featx baseline --dataset reviews.csv --methods tfidf-logreg,logreg --pooling mean
    """
    from featx.experiment.baseline import baseline

    runs = baseline(
        data_settings(options),
        options["checkpoint"],
        options["revision"],
        BaselineSettings(tuple(part.strip() for part in options["methods"].split(",")), seeds(options["seeds"])),
        feature_settings(options),
        compute_settings(options),
        places(options),
        make_display(options["quiet"]),
    )
    show_runs(runs, options["as_json"])
