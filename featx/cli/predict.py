"""``featx predict``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from featx.cli.options import batch_option, cache_option, compute_options, compute_settings, json_option, option, places
from featx.cli.output import show_prediction


@click.command("predict")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("texts", nargs=-1)
@option("--input", "input_path", type=click.Path(path_type=Path), help="File with one text a line.")
@option("--checkpoint", envvar="FEATX_PREDICT_CHECKPOINT", help="Where the run's checkpoint is now, when it has moved.")
@compute_options
@batch_option
@cache_option
@json_option
def command(run: Path, texts: tuple[str, ...], **options: Any) -> None:
    r"""Label TEXTS with the finished RUN; without TEXTS and --input, lines of standard input.

    \b
    featx predict results/demo/finetune/seed-0 "Not bad at all" "Never again"
    """
    from featx.experiment.predict import predict, read_lines

    if texts and options["input_path"] is not None:
        raise click.UsageError("give TEXTS or --input, not both")
    if not texts:
        texts = tuple(read_lines(options["input_path"], sys.stdin.buffer))
    predictions = predict(run, texts, compute_settings(options), places(options), options["checkpoint"])
    if options["as_json"]:
        click.echo(json.dumps({"predictions": [asdict(prediction) for prediction in predictions]}))
        return
    for prediction in predictions:
        show_prediction(prediction)
