"""Which files of a checkpoint folder decide what it computes, their digest, and whether they are still the same.

May import ``errors`` and ``settings``. Reads names and bytes; what the files mean is for Transformers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from featx.errors import CheckpointError
from featx.settings import Checkpoint

#: Low-rank adapters beside the weights, as peft names them; their weights are among `_WEIGHTS`.
ADAPTER_CONFIG = "adapter_config.json"
#: Longest input and lower-casing, as sentence-transformers writes them.
SENTENCE_CONFIG = "sentence_*_config.json"
_CONFIG = ("config.json",)
_WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
#: The files that version 0.1 hashed, then every other one that a tokenizer of Transformers reads.
_TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "bpe.codes",
)
_TOKENIZER_TOO = (
    "tokenizer.*.json",
    "*.model.*",
    "*.spm",
    "*.tokenizer",
    "*_vocab.json",
    "vocab-*.json",
    "byte_maps.json",
    "dict.txt",
    "emoji.json",
    "normalizer.json",
    "tekken.json",
    "word_pronunciation.json",
    "word_shape.json",
)
#: What Transformers takes for the shards of a distributed checkpoint.
_DISTRIBUTED = "shard-?????-model-?????-of-?????.safetensors"
_BLOCK = 1 << 20

#: Name below the folder, inode, size, and times of change in nanoseconds.
State = tuple[str, int, int, int, int]


def config_file(folder: Path) -> Path:
    """Return the place of the configuration in `folder`."""
    return folder / _CONFIG[0]


def model_files(folder: Path, name: str) -> list[Path]:
    """Return the files that decide the hidden states: configuration, weights and adapters.

    Parameters
    ----------
    folder : Path
    name : str
        Of the checkpoint, for messages.

    Raises
    ------
    CheckpointError
        If weights would be read from outside of the folder, or in a form that featx does not load.
    """
    weights = _matching(folder, _WEIGHTS)
    if any(path.match(_DISTRIBUTED) for path in weights):
        raise CheckpointError(
            f"checkpoint {name!r} holds the shards of a distributed training; gather them with save_pretrained first"
        )
    if (folder / "adapter_model.bin").is_file() and (folder / ADAPTER_CONFIG).is_file():
        raise CheckpointError(
            f"checkpoint {name!r}: its adapter is a pickle (adapter_model.bin), which featx does not load; save it as "
            "safetensors"
        )
    return _matching(folder, _CONFIG) + weights + _indexed(folder, name) + _matching(folder, (ADAPTER_CONFIG,))


def tokenizer_files(folder: Path) -> list[Path]:
    """Return the files that decide the token ids."""
    usual = _matching(folder, _TOKENIZER)
    more = _matching(folder, _TOKENIZER_TOO) + list(filter(_lower_cases, _matching(folder, (SENTENCE_CONFIG,))))
    return usual + [path for path in more if path not in usual]


def _lower_cases(path: Path) -> bool:
    """Return whether a configuration of sentence-transformers says that texts are lower-cased."""
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    return isinstance(stated, dict) and bool(stated.get("do_lower_case"))


def _matching(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def _indexed(folder: Path, name: str) -> list[Path]:
    """Return weights that an index names in folders below `folder`."""
    named: set[str] = set()
    for index in _matching(folder, ("*.safetensors.index.json",)):
        try:
            named |= {str(file) for file in json.loads(index.read_text())["weight_map"].values()}
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as e:
            raise CheckpointError(f"checkpoint {name!r}: {index.name} is no index of weights; save it again") from e
    inside = folder.resolve()
    for file in named:
        if inside not in Path(os.path.normpath(inside / file)).parents:
            raise CheckpointError(
                f"checkpoint {name!r}: its index names weights outside of the folder ({file}); put them beside it"
            )
    return sorted(folder / file for file in named if len(Path(file).parts) > 1 and (folder / file).is_file())


def digest_files(folder: Path, paths: Sequence[Path]) -> tuple[str, tuple[State, ...]]:
    """Return the sha256 over names and contents of `paths`, and the state of each before it was read.

    Each file counts with its name below `folder`, its length and its bytes; the folder's own name does not.
    """
    digest, states = sha256(), []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            states.append((name, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
            digest.update(f"{name}\0{status.st_size}\0".encode())
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest(), tuple(states)


def check_model_unchanged(checkpoint: Checkpoint) -> None:
    """Check, after the weights were read, that the files are still those that were hashed.

    Bytes and states are both compared: a file that was replaced and put back in between is another inode or has another
    time of change. Hub names are known by their commit and pass.

    Raises
    ------
    CheckpointError
        If a file differs, came or went.
    """
    if _is_hashed(checkpoint):
        folder = Path(checkpoint.path)
        _compare(checkpoint, folder, model_files(folder, checkpoint.name), checkpoint.digest)


def check_tokenizer_unchanged(checkpoint: Checkpoint) -> None:
    """Check, after the tokenizer was read, that its files are still those that were hashed.

    Raises
    ------
    CheckpointError
    """
    if _is_hashed(checkpoint):
        folder = Path(checkpoint.path)
        _compare(checkpoint, folder, tokenizer_files(folder), checkpoint.tokenizer_digest)


def _is_hashed(checkpoint: Checkpoint) -> bool:
    return checkpoint.revision is None and bool(checkpoint.digest) and bool(checkpoint.states)


def _compare(checkpoint: Checkpoint, folder: Path, paths: list[Path], expected: str) -> None:
    known = {state[0]: state for state in checkpoint.states}
    try:
        digest, states = digest_files(folder, paths)
    except OSError as e:
        raise _changed(checkpoint, Path(e.filename or folder).name) from e
    for state in states:
        if known.get(state[0]) != state:
            raise _changed(checkpoint, state[0])
    if digest != expected:
        raise _changed(checkpoint, "a file is gone")


def _changed(checkpoint: Checkpoint, what: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint {checkpoint.name!r} changed while it was loaded ({what}), and nothing was stored; wait until "
        "what writes it is done, and run the command again"
    )
