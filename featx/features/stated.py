"""What a checkpoint says of how texts become vectors: the files that sentence-transformers writes beside the weights.

``modules.json`` lists the steps, ``1_Pooling/config.json`` says how tokens become one vector,
``sentence_bert_config.json`` how long texts may be, ``config_sentence_transformers.json`` which prompts there are.
The layouts of all its versions are read; a step that featx does not compute is said, never left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from featx.data.hub_errors import quiet_hub
from featx.settings import Checkpoint, Pooling

_MODULES = "modules.json"
_PROMPTS = "config_sentence_transformers.json"
#: What the length is said in, by version and architecture.
_LENGTHS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
_POOLINGS = {
    "cls": Pooling.CLS,
    "mean": Pooling.MEAN,
    "max": Pooling.MAX,
    "weightedmean": Pooling.WEIGHTED_MEAN,
    "lasttoken": Pooling.LAST,
}
#: The same as flags, before version 5 of sentence-transformers.
_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
#: Hidden states of the last layer, as sentence-transformers asks a model for them.
_HIDDEN_STATES, _OUTPUT = "feature-extraction", "last_hidden_state"
#: What it calls the vector of a text.
_VECTOR = "sentence_embedding"

_T = TypeVar("_T")


@dataclass(frozen=True)
class Stated:
    """What a checkpoint says of itself.

    Attributes
    ----------
    pooling : Pooling or None
        None where it says nothing.
    normalize : bool
    max_length : int or None
        Tokens at which texts are cut, special ones included.
    prompts : mapping of str to str
    default_prompt : str
        Text before each text; empty for none.
    pools_prompt : bool
        Whether the prompt's own tokens count in the vector.
    lower_case : bool
        Whether texts are lower-cased before the tokenizer's own rules.
    problem : str or None
        Why `Pooling.AUTO` cannot be had: a step that featx does not compute, or a broken file.
    unknown : str
        A file of which neither the Hub nor its cache could tell; empty where all was read.
    """

    pooling: Pooling | None = None
    normalize: bool = False
    max_length: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str = ""
    pools_prompt: bool = True
    lower_case: bool = False
    problem: str | None = None
    unknown: str = ""


#: From a path below the checkpoint to its JSON; None where there is no such file.
_Read = Callable[[str], Any]


class _UnsupportedError(Exception):
    """Something that featx does not compute, or cannot read."""


def stated_by(checkpoint: Checkpoint) -> Stated:
    """Return what `checkpoint` says of itself; what is wrong with it is in `Stated.problem`."""
    if checkpoint.revision is not None:
        read = _HubReader(checkpoint.path, checkpoint.revision)
        return replace(_stated(read, ""), unknown=read.unknown)
    folder = Path(checkpoint.path).absolute()
    if (folder / _MODULES).is_file():
        return _stated(_reader_of(folder), "")
    above = _reader_of(folder.parent)  # the layout of before version 1, with the encoder in a folder of its own
    modules = above(_MODULES) if (folder.parent / _MODULES).is_file() else None
    if isinstance(modules, list) and modules and _path_of(modules[0]) == folder.name:
        return _stated(above, f"{folder.name}/")
    return Stated()


class _HubReader:
    """Read files of one commit on the Hub, from its cache where they are there or are known not to exist.

    Attributes
    ----------
    unknown : str
        The first file, not in a folder of a step, of which neither the cache nor the Hub could tell; empty for none.
    """

    def __init__(self, name: str, commit: str) -> None:
        self._name, self._commit = name, commit
        self.unknown = ""

    def __call__(self, name: str) -> Any:
        from huggingface_hub import hf_hub_download, try_to_load_from_cache
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

        cached: object = try_to_load_from_cache(self._name, name, revision=self._commit)
        if cached is not None:
            return _json(Path(cached)) if isinstance(cached, str) else None
        try:
            with quiet_hub():
                return _json(Path(hf_hub_download(self._name, name, revision=self._commit)))
        except EntryNotFoundError as e:
            if not isinstance(e, LocalEntryNotFoundError):  # that kind of it says nothing of the Hub
                return None
        except (HfHubHTTPError, OSError):
            pass
        if not self.unknown and "/" not in name:
            self.unknown = name
        return None


def _reader_of(folder: Path) -> _Read:
    def read(name: str) -> Any:
        return _json(folder / name) if (folder / name).is_file() else None

    return read


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        first_line = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise _UnsupportedError(f"{path.name} cannot be read as JSON ({first_line})") from e


def _stated(read: _Read, encoder: str) -> Stated:
    """Return what the files say; `encoder` is the encoder's folder below them."""
    problems: list[str] = []

    def said(part: Callable[[], _T]) -> _T | None:
        try:
            return part()
        except _UnsupportedError as e:
            problems.append(str(e))
            return None

    modules = said(lambda: read(_MODULES))
    if modules is None and not problems:
        return Stated()
    length = said(lambda: _length(_reading(read, encoder)))
    lower_case = said(lambda: bool(_reading(read, encoder).get("do_lower_case"))) or False
    pooling, pools_prompt, normalize = said(lambda: _steps(modules, read, encoder)) or (None, True, False)
    prompts, default = said(lambda: _prompts(_table(read(_PROMPTS)))) or ({}, "")
    problem = problems[0] if problems else None
    return Stated(pooling, normalize, length, prompts, default, pools_prompt, lower_case, problem)


def _steps(modules: Any, read: _Read, encoder: str) -> tuple[Pooling, bool, bool]:
    """Return pooling, whether it counts the prompt's tokens, and whether vectors are normalised."""
    steps = [one for one in modules if isinstance(one, dict)] if isinstance(modules, list) else []
    kinds = [_kind(step) for step in steps]
    if kinds[:1] != ["Transformer"]:
        raise _UnsupportedError(f"{_MODULES} does not begin with a Transformer")
    if _path_of(steps[0]) != encoder.strip("/"):
        raise _UnsupportedError(f"{_MODULES} has its encoder in another folder ({_path_of(steps[0]) or 'its own'})")
    pooling, pools_prompt, normalize = None, True, False
    for kind, step in zip(kinds[1:], steps[1:], strict=True):
        config = f"{_path_of(step)}/config.json"
        if kind == "Pooling" and pooling is None:
            pooling, pools_prompt = _pooling(read(config), config)
        elif kind == "Normalize" and pooling is not None and _is_of_texts(_table(read(config))):
            normalize = True
        elif kind != "Dropout":  # which does nothing outside of a training
            raise _UnsupportedError(f"{_MODULES} asks for a step of the kind {kind}, which featx does not compute")
    if pooling is None:
        raise _UnsupportedError(f"{_MODULES} names no pooling")
    return pooling, pools_prompt, normalize


def _kind(module: Mapping[str, Any]) -> str:
    """Return the class of a step; that of code outside of sentence-transformers with its module."""
    name = str(module.get("type", ""))
    return name.rpartition(".")[2] if name.startswith("sentence_transformers.") else name


def _is_of_texts(config: Mapping[str, Any]) -> bool:
    """Return whether a step takes the vectors of texts, not of tokens."""
    return config.get("module_input_name") in (None, _VECTOR) and config.get("module_output_name") in (None, _VECTOR)


def _path_of(module: Any) -> str:
    return str(module.get("path", "")).strip("/") if isinstance(module, dict) else ""


def _pooling(config: Any, path: str) -> tuple[Pooling, bool]:
    if config is None:
        raise _UnsupportedError(f"{path} is missing")
    config = _table(config)
    modes = config.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in _FLAGS.items() if config.get(flag)] or ["mean"]
    names = [str(mode) for mode in modes] if isinstance(modes, list) else [str(modes)]
    if len(names) != 1 or names[0] not in _POOLINGS:
        raise _UnsupportedError(f"its pooling is {' and '.join(names)}, which featx does not compute")
    return _POOLINGS[names[0]], config.get("include_prompt", True) is not False


def _reading(read: _Read, encoder: str) -> Mapping[str, Any]:
    """Return how the encoder reads texts: the first of the files that says something."""
    return next((found for name in _LENGTHS if (found := _table(read(encoder + name)))), {})


def _length(config: Mapping[str, Any]) -> int | None:
    """Return the longest input, after a check that texts are read as texts and by their last hidden states."""
    if config.get("transformer_task", _HIDDEN_STATES) != _HIDDEN_STATES:
        raise _UnsupportedError(f"its encoder is asked for {config['transformer_task']}, not for hidden states")
    ways = config.get("modality_config") or {"text": {}}
    output = ways.get("text", {}).get("method_output_name", _OUTPUT) if isinstance(ways, dict) else None
    if "text" not in ways or output not in (_OUTPUT, [_OUTPUT]):
        raise _UnsupportedError("its encoder reads texts as chat messages, or gives other states than the last layer's")
    if config.get("processing_kwargs"):
        raise _UnsupportedError("its tokenizer is called with processing_kwargs, which featx does not pass on")
    length = config.get("max_seq_length")
    if length is not None and (isinstance(length, bool) or not isinstance(length, int) or length < 1):
        raise _UnsupportedError(f"its max_seq_length is {length!r}, which is no whole number from 1 up")
    return length


def _prompts(config: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    prompts, default = config.get("prompts") or {}, config.get("default_prompt_name")
    if not isinstance(prompts, dict) or not all(isinstance(text, str | None) for text in prompts.values()):
        raise _UnsupportedError(f"the prompts of {_PROMPTS} are no table of texts")
    if default is not None and default not in prompts:
        raise _UnsupportedError(f"{_PROMPTS} has no prompt of the name {default!r}, its default")
    texts = {str(name): text or "" for name, text in prompts.items()}
    return texts, "" if default is None else texts[default]


def _table(value: Any) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise _UnsupportedError("a file that sentence-transformers wrote is no JSON table")
    return value or {}
