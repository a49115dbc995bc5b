"""``featx extract``."""

from __future__ import annotations

import json
from pathlib import Path
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
    feature_options,
    feature_settings,
    json_option,
    option,
    places,
    quiet_option,
)


@click.command("extract")
@data_options
@checkpoint_options
@feature_options
@option("--splits", help="Splits such as train,test.  [all]")
@option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write features and labels to this .npz.",
)
@compute_options
@batch_option
@cache_option
@json_option
@quiet_option
def command(**options: Any) -> None:
    r"""Extract features of every text into the cache; texts that are there are not encoded again.

    \b
    featx extract --dataset demo --checkpoint demo --output features.npz
    featx extract --dataset tweets/ --layer all --pooling cls,mean
    """
    from featx.experiment.extract import extract, save_npz

    splits = options["splits"]
    extracted = extract(
        data_settings(options),
        options["checkpoint"],
        options["revision"],
        feature_settings(options),
        compute_settings(options),
        places(options),
        [part.strip() for part in splits.split(",")] if splits else None,
        make_display(options["quiet"]),
    )
    if options["output"] is not None:
        save_npz(extracted, options["output"])
    summary = extracted.summary()
    if options["as_json"]:
        click.echo(json.dumps(summary))
        return
    click.echo(
        f"{summary['texts']} texts: {summary['encoded']} encoded, {summary['reused']} reused, in "
        f"{summary['extract_seconds']:.1f} s ({summary['texts_per_second']:.0f} texts/s) on {summary['device']}"
    )
    if options["output"] is not None:
        click.echo(f"written to {options['output']}")
