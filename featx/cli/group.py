"""The group of commands; each is loaded when it is used."""

from __future__ import annotations

import os
import select
import sys
from importlib import import_module
from typing import Any

import click

import featx
from featx.cli.failures import remember
from featx.cli.verbosity import verbose_option

#: Commands in the order of the work: name to (module, one line of help).
_COMMANDS = {
    "compare": "Compare words, frozen features and fine-tuning: the whole answer.",
    "extract": "Extract [CLS] or mean-pooled features into the cache.",
    "baseline": "Fit classical methods on texts and on frozen features.",
    "finetune": "Fine-tune the checkpoint in full.",
    "report": "Compare runs: table, figures, one HTML page.",
    "run": "Do all of it from one experiment file.",
    "inspect": "Show what texts and their tokens look like.",
    "predict": "Label new texts with a finished run.",
    "cache": "List, verify and tidy the cached features.",
    "demo": "Run the whole comparison offline, in a few minutes.",
    "doctor": "Show versions, device, cache and Hub for a bug report.",
    "completion": "Print a script that completes commands in a shell.",
}


class _LazyGroup(click.Group):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        remember(cmd_name)
        command: click.Command = import_module(f"featx.cli.{cmd_name}").command
        return _keep_lines(command)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; that the reader of its output leaves early, as ``head`` does, is no failure."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BrokenPipeError:
            if not _reader_left():
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # say no more
            return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _reader_left() -> bool:
    """Return whether it is standard output that nobody reads any more, and not the pipe of a worker or a server."""
    if not hasattr(select, "poll"):
        return True
    asked = select.poll()
    asked.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in asked.poll(0))


def _keep_lines(command: click.Command) -> click.Command:
    r"""Turn the ``\b`` of raw docstrings into click's mark for lines that are not to be wrapped."""
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    if isinstance(command, click.Group):
        for below in command.commands.values():  # none of a lazy group, whose commands pass here one by one
            _keep_lines(below)
    return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(featx.__version__, prog_name="featx")
@verbose_option
def cli() -> None:
    r"""Tell whether to fine-tune a Transformer on your texts, or whether its frozen features are enough.

    \b
    Try it: featx demo
    """


_keep_lines(cli)
