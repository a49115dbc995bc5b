"""The command line: parse, one call into ``experiment``, print; nothing else.

May import ``experiment``, ``errors`` and ``config``. Commands are loaded when they are called, so that
``featx --help`` stays light.
"""

from featx.cli.main import main

__all__ = ["main"]
