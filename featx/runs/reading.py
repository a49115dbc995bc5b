"""From the text of a ``run.json`` to a `RunRecord`: earlier schemas are brought up to date, wrong values are named."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

import msgspec

from featx.errors import RunError
from featx.evaluation import Family
from featx.runs.record import SCHEMA_VERSION, RunRecord
from featx.settings import CaveatCode

#: Methods of version 0.1 that are known by name.
_CHANCE, _FINE_TUNED = ("majority", "stratified"), ("finetune", "finetune-lp", "finetune-lora")
#: For fine-tunings of version 0.1 that do not say what was amiss.
_ADVICE = "raise `num_train_epochs` or `learning_rate`"


def record_from_text(text: str, source: str) -> RunRecord:
    """Return the record that the `text` of a ``run.json`` holds.

    Raises
    ------
    RunError
        If it is no JSON, of a newer schema, or a field is missing or of a wrong kind; names the first.
    """
    try:
        content = json.loads(text, parse_constant=_no_number, parse_float=_float)
        json.dumps(content, ensure_ascii=False).encode()  # half a character would break every page that shows it
    except (ValueError, RecursionError) as e:
        raise RunError(f"{source} is broken ({e}); run the method again") from e
    if not isinstance(content, dict):
        raise RunError(f"{source} is no run: expected a JSON object")
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise RunError(f"{source} has schema {version}, but this featx knows up to {SCHEMA_VERSION}; update featx")
    try:
        for upgrade in _UPGRADES[version if isinstance(version, int) and version > 0 else 1 :]:
            content = upgrade(content)
        missing = [f.name for f in fields(RunRecord) if f.name not in content and f.default is MISSING]
        if missing:
            raise RunError(f"{source} lacks {', '.join(missing)}; it is no run of featx, or it is broken")
        return msgspec.convert(content, RunRecord)
    except (msgspec.ValidationError, TypeError, AttributeError, ValueError) as e:
        raise RunError(f"{source} is broken ({_shown(e)}); run the method again") from e


def family_of_0_1(method: str, control: str | None, features: Any) -> Family:
    """Return the family of a method of version 0.1, which did not record it."""
    if control:
        return Family.CONTROL
    if method in _FINE_TUNED:
        return Family.FINE_TUNED
    if features is not None:
        return Family.FROZEN
    return Family.CHANCE if method in _CHANCE else Family.WORDS


def _from_1_to_2(old: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a record of schema 1 up to schema 2: family and caveats are said, chosen features always."""
    new = dict(old)
    if not all(isinstance(old.get(name), dict) for name in ("selection", "data")):
        return new
    features, selection = old.get("features"), dict(old["selection"])
    if "method" in old:
        new["family"] = family_of_0_1(str(old["method"]), old.get("control"), features)
    advice = selection.pop("advice", None)
    if isinstance(features, dict) and "kinds" not in features and "features" not in selection:
        selection["features"] = {name: features.get(name) for name in ("layer", "pooling")}
    trials = selection.get("trials")
    if isinstance(trials, list):
        selection["trials"] = [_trial(trial) for trial in trials]
    new["selection"] = selection
    caveats = []
    if old.get("converged") is False:
        caveats.append((CaveatCode.NOT_CONVERGED, "the optimiser stopped at its limit before it converged"))
    if old.get("under_trained"):
        learned_nothing = str(advice).startswith("learned nothing")
        code = CaveatCode.LEARNED_NOTHING if learned_nothing else CaveatCode.UNDER_TRAINED
        caveats.append((code, f"under-trained, {advice or _ADVICE}"))
    new["caveats"] = [{"code": code, "text": text} for code, text in caveats]
    return new | {"schema_version": 2}


def _trial(trial: Any) -> Any:
    if isinstance(trial, dict) and "reason" in trial:
        trial = {**trial, "error": trial["reason"]}
    return trial


#: At position n what makes a record of schema n one of schema n + 1.
_UPGRADES: tuple[Callable[[Mapping[str, Any]], dict[str, Any]], ...] = (dict, _from_1_to_2)


def _no_number(name: str) -> None:
    """Stand in for NaN and Infinity, which version 0.1 wrote where a loss was none."""


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _shown(error: Exception) -> str:
    """Return what is wrong and where, without msgspec's signs."""
    what, at, where = str(error).partition(" - at `$")
    return f"{where.rstrip('`').lstrip('.')}: {what}" if at else what
