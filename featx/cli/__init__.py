"""The command line: parse, one call into ``experiment``, print; nothing else.

May import ``experiment``, ``errors``, ``settings`` and ``markup``. Commands are loaded when they are called, so that
``featx --help`` stays light, and so that signals are heard from the first moment.
"""

from featx.cli.main import main

__all__ = ["main"]
