"""The group of commands, and the one place where an exception becomes a line and an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from typing import Any

import click

import featx
from featx.cli import verbosity
from featx.cli.verbosity import verbose_option
from featx.errors import FeatxError, FeatxWarning, StoppedError

#: Commands in the order of the work: name to (module, one line of help).
_COMMANDS = {
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


#: Exit codes of work that a signal ended: no error, and nothing is lost.
_STOPPED = (130, 143)


class _LazyGroup(click.Group):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"featx.cli.{cmd_name}").command
        return _keep_lines(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


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


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; every way out is an exit code, every foreseen error one line."""
    warnings.showwarning = _show_warning
    verbosity.reset()
    try:
        result = cli.main(args=arguments, prog_name="featx", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(result if isinstance(result, int) else 0)
    except FeatxError as e:
        _fail(e.spelled(_flag), e.exit_code)
    except StoppedError as e:
        _fail(str(e), e.exit_code)
    except click.ClickException as e:
        e.show()
        sys.exit(e.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted; what was finished is kept, and the same command goes on from there", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has left; say no more
        sys.exit(0)
    except MemoryError:
        _fail("out of memory; lower --batch-tokens, or use fewer layers", 1)
    except OSError as e:
        _fail(f"{e.filename or 'input/output'}: {e.strerror or e}", 1)


def _flag(name: str) -> str | None:
    """Return the option of the setting `name`, or None where there is no such setting."""
    from featx.settings import GROUPS, names_of

    known = any(name in names_of(kind) for kind in GROUPS.values())
    return "--" + name.replace("_", "-") if known else None


def _fail(message: str, code: int) -> None:
    verbosity.show_traceback()
    one_line = " ".join(message.split())
    if os.environ.get("RANK", "0") == "0":  # of several training processes the first alone speaks
        click.echo(f"featx: {one_line}" if code in _STOPPED else f"featx: error: {one_line}", err=True)
    sys.exit(code)


def _show_warning(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
    """Featx's own warnings as one line; those of libraries are for developers, who ask for them with -W."""
    if issubclass(category, FeatxWarning) or (category is UserWarning and str(message).startswith("the cache folder")):
        click.echo(f"featx: warning: {message}", err=True)
    elif sys.warnoptions or verbosity.is_verbose():
        click.echo(f"{category.__name__}: {message}", err=True)
