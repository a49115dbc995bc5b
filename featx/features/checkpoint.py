"""From the name of a checkpoint to a `Checkpoint` whose content is known.

A folder is known by the sha256 of its files, a Hub name by the commit that its revision stands at. Weights are
read from safetensors only, and code from a checkpoint is never run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from featx.data.hub_errors import is_unreachable, quiet_hub, tried
from featx.data.paths import is_file, is_folder
from featx.errors import CheckpointError
from featx.features.checkpoint_files import ADAPTER_CONFIG, config_file, digest_files, model_files, tokenizer_files
from featx.settings import DEMO, CachePlace, Checkpoint

#: Where sentence-transformers of before version 1 put the encoder.
_OLD_LAYOUT = "0_Transformer"
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def find_checkpoint(name: str, cache_dir: CachePlace, revision: str | None = None) -> Checkpoint:
    """Find a checkpoint and identify it.

    Parameters
    ----------
    name : str
        A folder, a name on the Hub, or ``demo``. An existing folder goes before a Hub name.
    cache_dir : Path
        Where the demo's checkpoint is built.
    revision : str, optional
        Branch, tag or commit on the Hub.

    Raises
    ------
    CheckpointError
        If it does not exist, is incomplete, or the Hub cannot be reached and no copy is cached.
    """
    if name == DEMO:
        from featx.features.demo_checkpoint import demo_checkpoint_folder

        return _local(name, demo_checkpoint_folder(cache_dir))
    folder = Path(name)
    if name.strip() and is_folder(folder):
        if revision is not None:
            raise CheckpointError(f"checkpoint {name!r} is a folder, which has no revision {revision!r}; leave it out")
        return _local(name, folder)
    if is_file(folder) or not _HUB_NAME.fullmatch(name) or name.startswith("."):
        raise CheckpointError(
            f"checkpoint {name!r} is no folder and no Hub name; give a folder with config.json and "
            "model.safetensors, or a name such as distilbert-base-uncased"
        )
    return _on_hub(name, revision)


def _local(name: str, folder: Path) -> Checkpoint:
    if not config_file(folder).is_file():
        raise CheckpointError(f"checkpoint {name!r}: {config_file(folder)} is missing; {_what_is_there(folder)}")
    try:
        model, tokenizer = model_files(folder, name), tokenizer_files(folder)
        if not any(path.suffix == ".safetensors" and not path.name.startswith("adapter_") for path in model):
            raise CheckpointError(
                f"checkpoint {name!r}: no *.safetensors weights in the folder; featx loads no pickles: load it once "
                "with Transformers and call save_pretrained"
            )
        if not tokenizer:
            raise CheckpointError(
                f"checkpoint {name!r}: no tokenizer files in the folder; save the tokenizer there too"
            )
        digest, of_model = digest_files(folder, model)
        tokenizer_digest, of_tokenizer = digest_files(folder, tokenizer)
    except OSError as e:
        raise CheckpointError(f"checkpoint {name!r}: {e.filename or folder} cannot be read: {e.strerror or e}") from e
    return Checkpoint(name, str(folder), None, digest, tokenizer_digest, of_model + of_tokenizer)


def _what_is_there(folder: Path) -> str:
    """Return in words what a folder without a configuration holds instead."""
    if config_file(folder / _OLD_LAYOUT).is_file():
        return f"it is a sentence-transformers folder of the old layout: give {folder / _OLD_LAYOUT}"
    if (folder / ADAPTER_CONFIG).is_file():
        return "it holds an adapter alone: put it beside the weights that it was trained on, or merge it into them"
    below = sorted(path.parent.name for path in folder.glob("*/config.json") if any(path.parent.glob("*.safetensors")))
    return f"there is one in {folder / below[0]}: give that folder" if below else "it is no Transformers folder"


def _on_hub(name: str, revision: str | None) -> Checkpoint:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        with quiet_hub():
            config = Path(hf_hub_download(name, "config.json", revision=revision))
    except LocalEntryNotFoundError as e:
        raise CheckpointError(
            f"checkpoint {name!r}: the Hub cannot be reached and no copy is cached ({tried()}); go online, give a "
            "folder, or try `checkpoint` demo"
        ) from e
    except (HfHubHTTPError, HFValidationError, OSError) as e:
        first_line = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise CheckpointError(
            f"checkpoint {name!r} is neither a folder nor readable on the Hub ({first_line}); check the name and "
            "revision, log in with `hf auth login` if it is gated, or give a folder"
        ) from e
    commit = config.parent.name  # the Hub's cache lays files out as snapshots/<commit>/<file>
    return Checkpoint(name, name, commit, commit, commit)


def loading(checkpoint: Checkpoint, load: Callable[..., object], **settings: object) -> Any:
    """Call a ``from_pretrained`` for `checkpoint` with featx's own rules.

    Never runs code from a checkpoint, and turns the many exceptions of loading into one.

    Raises
    ------
    CheckpointError
    """
    try:
        with quiet_transformers(), quiet_hub():
            return load(checkpoint.path, revision=checkpoint.revision or "main", trust_remote_code=False, **settings)
    except Exception as e:  # broken weights, configurations and tokenizers raise many kinds
        first_line = _first_line(e)
        if checkpoint.revision is not None and is_unreachable(e):
            raise CheckpointError(
                f"checkpoint {checkpoint.name!r}: the Hub cannot be reached and not all of its files are cached "
                f"({first_line}; {tried()}); go online, give a folder, or try `checkpoint` demo"
            ) from e
        raise CheckpointError(f"checkpoint {checkpoint.name!r} cannot be loaded: {first_line}") from e


def _first_line(error: Exception) -> str:
    """Return the first line of a message, and the second where the first only announces it."""
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the library's own bars and remarks off standard error; what matters is said by featx."""
    from transformers.utils import logging

    library: Any = logging
    verbosity, bars = library.get_verbosity(), library.is_progress_bar_enabled()
    library.set_verbosity_error()
    library.disable_progress_bar()
    try:
        yield
    finally:
        library.set_verbosity(verbosity)
        if bars:
            library.enable_progress_bar()
