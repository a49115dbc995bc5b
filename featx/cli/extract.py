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
    data_options,
    default_of,
    feature_options,
    feature_settings,
    json_option,
    option,
    quiet_option,
    session,
)
from featx.settings import Engine, Format, RaySettings, choose


@click.command("extract")
@data_options
@checkpoint_options
@feature_options
@option("--splits", help="Splits such as train,test.  [all]")
@option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write features and labels here: .npz, .parquet, or a folder for datasets.load_from_disk.",
)
@option("--format", "format_name", envvar="FEATX_EXTRACT_FORMAT", help=f"{', '.join(Format)}.  [by --output]")
@compute_options
@batch_option
@option("--engine", default=Engine.LOCAL.value, help="Who encodes: local, or ray (the workers of a Ray cluster).")
@option("--ray-address", help="Ray cluster, such as auto or HOST:6379.  [one on this machine]")
@option("--ray-workers", type=click.IntRange(min=1), help="Workers.  [one a GPU, or as many as the CPUs allow]")
@option(
    "--ray-cpus",
    type=click.IntRange(min=1),
    default=default_of(RaySettings, "cpus"),
    help="CPUs of a worker without a GPU.",
)
@option(
    "--ray-window",
    type=click.IntRange(min=1),
    default=default_of(RaySettings, "window"),
    help="Texts handed to a worker at once.",
)
@cache_option
@json_option
@quiet_option
def command(**options: Any) -> None:
    r"""Extract features of every text into the cache; texts that are there are not encoded again.

    \b
    featx extract --dataset demo --checkpoint demo --output features.npz
    featx extract --dataset tweets/ --layer all --pooling cls,mean
    featx extract --dataset tweets/ --engine ray --ray-address auto --cache-dir /shared/featx
    """
    from featx.experiment.feature_files import choose_format, save_features

    splits, output = options["splits"], options["output"]
    # Before any work is done: what cannot be written shall not be computed first.
    format_name = None if output is None else choose_format(output, options["format_name"])
    options["engine"] = choose(Engine, options["engine"], "--engine")
    wanted = [part.strip() for part in splits.split(",")] if splits else None
    extracted = session(options, make_display(options["quiet"])).extract(feature_settings(options), splits=wanted)
    if format_name is not None:
        save_features(extracted, output, format_name)
    summary = extracted.summary()
    if options["as_json"]:
        click.echo(json.dumps(summary))
        return
    click.echo(
        f"{summary['texts']} texts: {summary['encoded']} encoded, {summary['reused']} reused, in "
        f"{summary['extract_seconds']:.1f} s ({summary['texts_per_second']:.0f} texts/s) on {summary['device']}"
    )
    if output is not None:
        click.echo(f"written to {output}")
