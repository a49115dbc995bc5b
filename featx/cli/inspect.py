"""``featx inspect``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from featx.cli.display import make_display
from featx.cli.options import (
    Command,
    cache_option,
    checkpoint_options,
    compute_options,
    data_options,
    json_option,
    option,
    options_of,
    quiet_option,
    session,
)
from featx.cli.output import say_json
from featx.cli.types import type_of
from featx.settings import CheckpointSettings, FeatureSettings, Projection

_length_option = options_of(FeatureSettings, only=["max_length"])


@click.group("inspect")
def command() -> None:
    r"""Show what the texts of a data set, or the tokens of a text, look like.

    \b
    featx inspect data --dataset demo --checkpoint demo
    featx inspect tokens "Not bad at all" --checkpoint demo
    """


@command.command("data", cls=Command)
@data_options
@option(
    "--checkpoint",
    heading="Checkpoint",
    help="Hub name, folder, or demo, whose tokens are counted.  [none: characters only]",
)
@options_of(CheckpointSettings, only=["revision"])
@_length_option
@option("--rows", type=click.IntRange(min=0), default=6, help="Rows of train to show.")
@option("--figures", type=click.Path(path_type=Path, file_okay=False), help="Folder for plots of classes and lengths.")
@option(
    "--map",
    "projection",
    type=type_of("map", Projection),
    help="Also a map of the features of test, by class.",
)
@compute_options
@option("--texts/--no-texts", default=True, show_default=True, help="Show texts; without, row numbers stand for them.")
@cache_option
@json_option
@quiet_option
def data_command(**options: Any) -> None:
    r"""Show sizes, classes, lengths, what is cut, duplicate texts, and some rows.

    \b
    featx inspect data --dataset demo --checkpoint demo --figures plots
    """
    from featx.cli.inspection import show_data
    from featx.experiment.inspect import inspect_data

    made = inspect_data(
        session(options, make_display(options["quiet"] or options["as_json"])),
        options["max_length"],
        options["rows"],
        options["figures"],
        options["projection"],
    )
    if options["as_json"]:
        say_json(made.to_json())
    else:
        show_data(made)


@command.command("tokens", cls=Command)
@click.argument("texts", nargs=-1, required=True)
@checkpoint_options
@_length_option
@cache_option
@json_option
def tokens_command(texts: tuple[str, ...], **options: Any) -> None:
    r"""Show tokens, ids, attention mask and kinds of TEXTS, and what the maximum length would cut.

    Several texts are padded to the longest, as in a batch.

    \b
    featx inspect tokens "Not bad at all" --checkpoint demo --max-length 6
    """
    from featx.cli.inspection import show_tokens
    from featx.experiment.inspect import inspect_tokens

    made, max_length = inspect_tokens(session(options), texts, options["max_length"])
    if options["as_json"]:
        content = [
            {"text": m.text, "n_cut": m.n_cut, "cut_text": m.cut_text, "tokens": [asdict(t) for t in m.tokens]}
            for m in made
        ]
        say_json({"checkpoint": options["checkpoint"], "max_length": max_length, "texts": content})
    else:
        show_tokens(made, max_length)
