"""``featx baseline``."""

from __future__ import annotations

from typing import Any

from featx.cli.display import make_display
from featx.cli.options import (
    checkpoint_options,
    chosen,
    compute_options,
    data_options,
    feature_options,
    json_option,
    options_of,
    quiet_option,
    ray_options,
    results_options,
    session,
)
from featx.cli.options import command as make_command
from featx.cli.output import show_runs
from featx.settings import BaselineSettings, FeatureSettings


@make_command("baseline")
@data_options
@checkpoint_options
@options_of(BaselineSettings, old={"features_file": ["--features"]})
@feature_options
@compute_options
@ray_options
@results_options
@json_option
@quiet_option
def command(**options: Any) -> None:
    r"""Fit classical methods, tuned on validation and scored once on test.

    \b
    featx baseline --dataset demo --checkpoint demo
    featx baseline --dataset reviews.csv --methods logreg,knn --pooling mean
    featx baseline --dataset reviews.csv --methods all --layer all --controls
    featx baseline --dataset reviews.csv --methods knn --features-file mine.npz
    """
    groups = chosen(BaselineSettings, options), chosen(FeatureSettings, options)
    runs = session(options, make_display(options["quiet"])).baseline(*groups)
    show_runs(runs, options["as_json"])
