"""Warnings: featx's own as one line; those of libraries are for developers, who ask for them with -W or --verbose."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from featx.cli import verbosity
from featx.cli.output import say
from featx.errors import FeatxWarning


def show_featx_warnings() -> None:
    """Let `FeatxWarning` be a line, and be shown each time with another message."""
    warnings.showwarning = _show


def _show(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
    if issubclass(category, FeatxWarning):
        from featx.cli.failures import spelling

        spelled = message.spelled(spelling()) if isinstance(message, FeatxWarning) else str(message)
        say(f"featx: warning: {spelled}", err=True)
    elif sys.warnoptions or verbosity.is_verbose():
        say(f"{category.__name__}: {message}", err=True)
