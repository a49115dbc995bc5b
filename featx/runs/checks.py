"""Whether a record read from ``run.json`` is what a run writes: kinds and ranges of all that others rely on."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from featx.evaluation.metrics import METRICS, SCORE_METRICS
from featx.settings import Dtype

if TYPE_CHECKING:
    from featx.runs.record import RunRecord

Check = Callable[[Any], bool]
#: Names that are fit to be a folder's: nothing that leads elsewhere, on any system.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def check_record(record: RunRecord) -> None:
    """Check every field of `record`.

    Raises
    ------
    TypeError
        At the first that is not of its kind; names it.
    """
    for name, is_right in _FIELDS.items():
        if not is_right(getattr(record, name)):
            raise TypeError(f"{name} is not what a run writes")
    _check_choice(record)
    for name, number in vars(record.timings).items():
        if not _is_number(number):
            raise TypeError(f"{name} must be a number")
    for split in ("train", "validation", "test"):
        _check_split(record.data["splits"].get(split), split)
    for split in () if record.failure is not None else ("validation", "test"):
        _check_metrics(record.metrics.get(split), split)


def _check_split(facts: Any, split: str) -> None:
    if not (
        isinstance(facts, Mapping)
        and _is_whole(facts.get("n_texts"))
        and isinstance(facts.get("digest"), str)
        and _is_list_of(_is_whole)(facts.get("class_counts"))
    ):
        raise TypeError(f"the data of {split} is not what a run writes")


def _check_metrics(metrics: Any, split: str) -> None:
    if not isinstance(metrics, Mapping):
        raise TypeError(f"metrics of {split} must be an object")
    for name in METRICS:
        value = metrics.get(name, "absent")
        if not (_is_number(value) or (value is None and name in SCORE_METRICS)):
            raise TypeError(f"{name} of {split} must be a number")


def _is_text(value: Any) -> bool:
    """A string that can be written as UTF-8: a lone surrogate would break every page that shows it."""
    try:
        return isinstance(value, str) and bool(value.encode() or True)
    except UnicodeEncodeError:
        return False


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_flag(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_list_of(kind: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(kind, value))


def _or_none(kind: Check) -> Check:
    return lambda value: value is None or kind(value)


def _are_label_names(value: Any) -> bool:
    return _is_list_of(_is_text)(value) and len(value) >= 2 and len(set(value)) == len(value)


def _is_data(value: Any) -> bool:
    return (
        _is_object(value)
        and _is_text(value.get("address"))
        and _or_none(_is_text)(value.get("revision"))
        and _is_list_of(_is_text)(value.get("notes"))
        and _is_object(value.get("splits"))
        and _is_list_of(_is_whole)(value.get("shared_test_rows", []))
    )


def _is_checkpoint(value: Any) -> bool:
    return (
        _is_object(value)
        and all(_is_text(value.get(key)) for key in ("name", "digest", "tokenizer_digest"))
        and _or_none(_is_text)(value.get("revision"))
    )


def _is_kind(value: Any) -> bool:
    return _is_object(value) and _is_whole(value.get("layer")) and _is_text(value.get("pooling"))


def _are_features(value: Any) -> bool:
    """One kind of feature, or several of which one was chosen."""
    if not _is_object(value):
        return False
    if "kinds" not in value:
        return _is_text(value.get("pooling")) and "layer" in value
    kinds = value["kinds"]
    return (
        _is_list_of(_is_kind)(kinds)
        and len(kinds) > 0
        and _or_none(_is_whole)(value.get("max_length"))
        and value.get("dtype") in [*Dtype, None]
    )


def _check_choice(record: RunRecord) -> None:
    """Of several kinds of feature the record says which were chosen, by their positions."""
    if record.failure is not None or record.features is None:
        return
    chosen = record.selection.get("features", record.features)
    if not _is_object(chosen) or not {"layer", "pooling"} <= set(chosen):
        raise TypeError("selection does not say which features were chosen")
    kinds = record.features.get("kinds")
    positions = chosen.get("kinds")
    if kinds is not None and not (
        _is_list_of(_is_whole)(positions) and positions and all(position < len(kinds) for position in positions)
    ):
        raise TypeError("selection names features that the record does not have")


def _is_selection(value: Any) -> bool:
    return (
        _is_object(value)
        and _is_text(value.get("summary", ""))
        and _is_text(value.get("metric", ""))
        and _is_list_of(_is_object)(value.get("trials", []))
        and _or_none(_is_object)(value.get("features"))
    )


_FIELDS: Mapping[str, Check] = {
    "method": _is_name,  # it becomes part of the names of files
    "seed": lambda value: _is_whole(value) and value < 2**32,
    "label_names": _are_label_names,
    "data": _is_data,
    "checkpoint": _or_none(_is_checkpoint),
    "features": _or_none(_are_features),
    "settings": _is_object,
    "selection": _is_selection,
    "converged": _is_flag,
    "metrics": _is_object,
    "history": _is_list_of(_is_object),
    "model_format": _or_none(_is_text),
    "environment": _is_object,
    "created": _is_text,
    "failure": _or_none(_is_text),
    "control": _or_none(_is_text),
    "under_trained": _is_flag,
    "peak_memory_bytes": _or_none(_is_number),
    "model_bytes": _or_none(_is_number),
}
