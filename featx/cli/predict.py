"""``featx predict``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from featx.cli.display import make_display
from featx.cli.options import (
    cache_option,
    chosen,
    compute_options,
    json_option,
    option,
    options_of,
    quiet_option,
    session,
)
from featx.cli.options import command as make_command
from featx.cli.output import say, say_json, show_prediction
from featx.settings import OnBlank, PredictionSettings


@make_command("predict")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("texts", nargs=-1)
@option(
    "--input",
    "input_path",
    type=click.Path(path_type=Path),
    help="File of texts: .csv, .tsv, .json, .jsonl, .parquet, .arrow, .xlsx, also compressed; .txt: one text a line.",
)
@option(
    "--output",
    envvar="FEATX_PREDICT_OUTPUT",
    type=click.Path(path_type=Path),
    help="File to write: .csv, .tsv, .json, .jsonl, .parquet, .arrow or .xlsx, also compressed.",
)
@options_of(PredictionSettings)
@option("--checkpoint", envvar="FEATX_PREDICT_CHECKPOINT", help="Where the run's checkpoint is now, when it has moved.")
@compute_options
@cache_option
@json_option
@quiet_option
def command(run: Path, texts: tuple[str, ...], **options: Any) -> None:
    r"""Label TEXTS with the finished RUN; without TEXTS and --input, lines of standard input.

    \b
    featx predict results/demo/finetune/seed-0 "Not bad at all" "Never again"
    featx predict results/demo/logreg/seed-0 --input new.csv --output out.csv
    """
    from featx.experiment.predict import check_output, predict_batches, predict_file

    source, output = options["input_path"], options["output"]
    if texts and source is not None:
        raise click.UsageError("give TEXTS or --input, not both")
    if output is not None:
        check_output(output, source)
    files = chosen(PredictionSettings, options)
    stream, total = _texts(texts, source, files)
    display = make_display(options["quiet"] or (output is None and options["as_json"]))
    context = session(options, display)
    if output is not None:
        n_texts = predict_file(context, run, stream, output, total, files.escape_formulas)
        if options["as_json"]:
            say_json({"texts": n_texts, "output": str(output)})
        else:
            say(f"{n_texts} texts: {output}")
        return
    batches = predict_batches(context, run, stream, total)
    if options["as_json"]:
        say_json({"predictions": [asdict(made) for batch in batches for _, made in batch]})
        return
    for batch in batches:
        for _, prediction in batch:
            show_prediction(prediction)


def _texts(texts: tuple[str, ...], source: Path | None, files: PredictionSettings) -> tuple[Iterable[Any], int | None]:
    """Return texts from arguments, a file or standard input, and at most how many there are."""
    from featx.experiment.predict import check_blank, count_rows, read_options, stream_lines, stream_rows

    if texts:
        return texts, len(texts)
    if source is not None:
        if files.on_blank is OnBlank.ERROR:
            check_blank(source, read_options(files))
        return stream_rows(source, read_options(files), files.on_blank), count_rows(source)
    return stream_lines(sys.stdin.buffer, "standard input", files.encoding, files.on_blank), None
