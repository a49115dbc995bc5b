"""On what a run was made: versions and hardware in general terms, never a host name, a user or a path."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import featx

#: Packages whose versions can change a number.
_PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "transformers",
    "tokenizers",
    "accelerate",
    "datasets",
)


def environment(device: str | None = None) -> dict[str, Any]:
    """Return versions, operating system, processor kind and core count; `device` is what the model ran on."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "featx": featx.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "device": device,
        "packages": versions,
    }
