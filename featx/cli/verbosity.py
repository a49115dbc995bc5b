"""``--verbose``: the libraries' warnings and log lines, and the traceback of an error."""

from __future__ import annotations

import logging
import sys
import traceback

import click

_state = {"verbose": False}


def is_verbose() -> bool:
    """Return whether ``--verbose`` was given."""
    return _state["verbose"]


def reset() -> None:
    """Forget what an earlier command in this process was told."""
    _state["verbose"] = False


def _be_verbose(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        _state["verbose"] = True
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")


verbose_option = click.option(
    "--verbose",
    is_flag=True,
    envvar="FEATX_VERBOSE",
    expose_value=False,
    callback=_be_verbose,
    help="Show the libraries' warnings and logs, and the traceback of an error.",
)


def show_traceback() -> None:
    """Print the traceback of the exception that is being handled, where ``--verbose`` was given."""
    if is_verbose() and sys.exc_info()[0] is not None:
        click.echo(traceback.format_exc(), err=True, nl=False)
