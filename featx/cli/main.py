"""The one place where an exception becomes a line and an exit code; signals and streams are put in order first."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, NoReturn

from featx.cli import stopping
from featx.errors import FeatxError, StoppedError

#: Exit codes of work that a signal ended: no error, and nothing is lost.
_STOPPED = (130, 143)
#: Seconds that the other processes of a training let the first have to say what is wrong.
_PATIENCE = 5.0
_INTERRUPTED = "interrupted; what was finished is kept, and the same command goes on from there"


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; every way out is an exit code, every error one line."""
    try:
        stopping.listen()
        code = _run(arguments)
    except (KeyboardInterrupt, StoppedError) as e:  # before or after the work: nothing of it can be lost
        code = _say(str(e) or _INTERRUPTED, getattr(e, "exit_code", 130))
    stopping.leave(code)
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    from featx.cli import output, verbosity, warning

    output.prepare_streams()
    warning.show_featx_warnings()
    verbosity.reset()
    try:
        from featx.cli.group import cli

        result = cli.main(args=arguments, prog_name="featx", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has left; say no more
        return 0
    except BaseException as e:
        return _code_of(e)
    return result if isinstance(result, int) else 0


def _code_of(error: BaseException) -> int:
    """Say what went wrong, and return the exit code."""
    import click

    from featx.cli.failures import words_of

    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | StoppedError | click.Abort):
        return _say(str(error) or _INTERRUPTED, getattr(error, "exit_code", 130))
    code = error.exit_code if isinstance(error, FeatxError) else 1
    return _say(words_of(error), code)


def _say(message: str, code: Any) -> int:
    import click

    from featx.cli import verbosity
    from featx.markup import visible

    verbosity.show_traceback()
    if os.environ.get("RANK", "0") == "0":  # of several training processes the first alone speaks
        start = "featx" if code in _STOPPED else "featx: error"
        click.echo(f"{start}: {visible(' '.join(message.split()))}", err=True)
    elif code not in _STOPPED:
        time.sleep(_PATIENCE)  # the launcher ends all where one fails: let the first speak
    return int(code)
