"""``featx baseline``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from featx.cli.display import make_display
from featx.cli.options import (
    batch_option,
    cache_option,
    checkpoint_options,
    compute_options,
    data_options,
    default_of,
    feature_options,
    feature_settings,
    json_option,
    option,
    quiet_option,
    results_options,
    seeds,
    session,
)
from featx.cli.output import show_runs
from featx.settings import BaselineSettings, Calibration, Combine, Refit, choose


@click.command("baseline")
@data_options
@checkpoint_options
@option(
    "--methods",
    default=",".join(default_of(BaselineSettings, "methods")),
    help="Methods, or all.",
)
@option("--seeds", default=",".join(map(str, default_of(BaselineSettings, "seeds"))), help="Seeds such as 0,1,2.")
@option(
    "--combine",
    default=default_of(BaselineSettings, "combine").value,
    help="Several layers and poolings: each (choose one), concat (side by side), or both.",
)
@option("--cv", type=int, help="Choose on this many folds of train.  [choose on validation]")
@option(
    "--refit",
    default=default_of(BaselineSettings, "refit").value,
    help="Fit what was chosen on train, or train+validation.",
)
@option(
    "--calibrate",
    default=default_of(BaselineSettings, "calibrate").value,
    help="Probabilities for methods without any: none, sigmoid or isotonic, cross-validated.",
)
@option("--time-limit", type=float, help="Seconds for one method and seed; then it stands in the table as failed.")
@option("--jobs", type=int, help="Processes for tuning.  [all cores where worth it]")
@option("--controls", is_flag=True, help="Add the probe on a random encoder and on shuffled labels.")
@option(
    "--features",
    "features_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Features from elsewhere: an .npz as featx extract --output writes it; nothing is extracted then.",
)
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
    featx baseline --dataset reviews.csv --methods all --layer all --pooling cls,mean --controls
    featx baseline --dataset reviews.csv --methods logreg,knn --features mine.npz
    """
    runs = session(options, make_display(options["quiet"])).baseline(
        BaselineSettings(
            methods=tuple(part.strip() for part in options["methods"].split(",")),
            seeds=seeds(options["seeds"]),
            combine=choose(Combine, options["combine"], "--combine"),
            cv=options["cv"],
            refit=choose(Refit, options["refit"], "--refit"),
            calibrate=choose(Calibration, options["calibrate"], "--calibrate"),
            time_limit=options["time_limit"],
            jobs=options["jobs"],
            controls=options["controls"],
        ),
        feature_settings(options),
        features_file=options["features_file"],
    )
    show_runs(runs, options["as_json"])
