"""Write docs/cli.md from the commands' own help: ``python docs/make_cli.py``. A test fails when it is not current."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click

from featx.cli.group import cli
from featx.experiment.example import meaning
from featx.settings import GROUPS
from featx.settings.base import hints_of
from featx.settings.declare import declared_of
from featx.settings.text import to_text

TARGET = Path(__file__).parent / "cli.md"
_WIDTH = 100
_HEAD = """# The command line

Made by `docs/make_cli.py` from `featx … --help`; do not edit by hand.

Results go to standard output, progress and remarks to standard error. Exit codes: 0 done, 1 failed with one line that
says why and what to do, 2 wrong usage, 130 interrupted. Every option has an environment variable: `--batch-tokens` is
`FEATX_BATCH_TOKENS`. `NO_COLOR` turns colours off; `HF_HOME`, `HF_HUB_OFFLINE`, `HF_ENDPOINT` and `WANDB_MODE` mean
what they mean to those libraries. `featx completion SHELL` prints what completes commands and options in bash, zsh or
fish.
"""
_SETTINGS = """## Settings

One name each: `max_length` is `--max-length` and `FEATX_MAX_LENGTH` here, `max_length = 64` under its table in an
experiment file, and `max_length=64` in Python. `~` is the home folder in every path. Names of version 0.1 (`address`,
`layers`, `poolings`, `name` of a checkpoint, `r`, `revision` of a data set) are still read from files and in Python.
`docs/experiment.schema.json` (or `featx run --print-schema`) lets editors complete and check experiment files.
"""


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """`command` and all below it, by full name."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            below = command.get_command(context, child)
            assert below is not None
            yield from commands(below, f"{name} {child}")


def page() -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    for name, command in commands(cli, "featx"):
        with click.Context(command, info_name=name, terminal_width=_WIDTH, color=False) as context:
            text = command.get_help(context)
        parts.append(f"{'#' * (name.count(' ') + 2)} {name}\n\n```\n{text}\n```\n")
    return "\n".join([*parts, *settings()])


def settings() -> Iterator[str]:
    """A table for each group of settings, in Markdown."""
    yield _SETTINGS
    for table, kind in GROUPS.items():
        yield f"### [{table}]\n\n{(kind.__doc__ or '').partition(chr(10))[0]}\n"
        yield "| setting | default | meaning | in a run's identity |\n|---|---|---|---|"
        for field in fields(kind):
            hint = hints_of(kind)[field.name]
            default = to_text(field.default, hint)
            shown = f"`{default}`" if default else ""
            words = meaning(kind, field.name).replace("|", "\\|")
            yield f"| `{field.name}` | {shown} | {words} | {declared_of(hint).identity.value} |"
        yield ""


if __name__ == "__main__":
    TARGET.write_text(page(), "utf-8")
