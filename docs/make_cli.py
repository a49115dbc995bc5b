"""Write docs/cli.md from the commands' own help: ``python docs/make_cli.py``. A test fails when it is not current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from featx.cli.group import cli

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
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(page(), "utf-8")
