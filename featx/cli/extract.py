"""``featx extract``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from featx.cli.display import make_display
from featx.cli.options import (
    cache_option,
    checkpoint_options,
    chosen,
    combined,
    compute_options,
    data_options,
    feature_options,
    json_option,
    option,
    quiet_option,
    ray_options,
    session,
)
from featx.cli.options import command as make_command
from featx.cli.output import say, say_json
from featx.cli.types import SettingType, type_of
from featx.settings import FeatureSettings, Format

_file_options = combined(
    option("--splits", type=SettingType("splits", tuple[str, ...]), help="Splits such as train,test.  [all]"),
    option(
        "--output",
        type=click.Path(path_type=Path),
        help="Write features and labels here: .npz, .parquet, or a folder for datasets.load_from_disk.",
    ),
    option(
        "--format",
        "format_name",
        type=type_of("format", Format),
        envvar="FEATX_EXTRACT_FORMAT",
        help="Of the file.  [by --output]",
    ),
)


@make_command("extract")
@data_options
@checkpoint_options
@feature_options
@compute_options
@ray_options
@cache_option
@_file_options
@json_option
@quiet_option
def command(**options: Any) -> None:
    r"""Extract features of every text into the cache; texts that are there are not encoded again.

    \b
    featx extract --dataset demo --checkpoint demo --output features.npz
    featx extract --dataset tweets/ --layer all --pooling cls,mean
    featx extract --dataset tweets/ --engine ray --cache-dir /shared/featx
    """
    from featx.experiment.feature_files import choose_format, save_features

    output = options["output"]
    # Before any work is done: what cannot be written shall not be computed first.
    format_name = None if output is None else choose_format(output, options["format_name"])
    made = session(options, make_display(options["quiet"]))
    extracted = made.extract(chosen(FeatureSettings, options), splits=options["splits"])
    if format_name is not None:
        save_features(extracted, output, format_name)
    summary = extracted.summary()
    if options["as_json"]:
        say_json(summary)
        return
    say(
        f"{summary['texts']} texts: {summary['encoded']} encoded, {summary['reused']} reused, in "
        f"{summary['extract_seconds']:.1f} s ({summary['texts_per_second']:.0f} texts/s) on {summary['device']}"
    )
    if output is not None:
        say(f"written to {output}")
