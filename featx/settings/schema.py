"""A JSON Schema of experiment files for editors that complete and check TOML: derived from the declarations."""

from __future__ import annotations

from dataclasses import Field, fields
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import msgspec

from featx.settings.base import Settings, hints_of
from featx.settings.declare import bare, bounds_of, declared_of, item_of, meta_of
from featx.settings.groups import GROUPS


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of an experiment file."""
    tables: dict[str, Any] = {name: _table(kind) for name, kind in GROUPS.items()}
    checkpoint = tables["checkpoint"]
    tables["checkpoint"] = {"anyOf": [checkpoint, {"type": "array", "items": checkpoint, "minItems": 1}]}
    above = {
        "experiment": tables["workspace"]["properties"]["experiment"],
        "seeds": tables["baseline"]["properties"]["seeds"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "featx experiment",
        "type": "object",
        "properties": above | tables,
        "required": ["data"],
        "additionalProperties": False,
    }


def _table(kind: type[Settings]) -> dict[str, Any]:
    properties = {field.name: _property(kind, field) for field in fields(kind)}
    old = {
        alias: {"$comment": f"old name of {name}", "deprecated": True} | properties[name]
        for name, hint in hints_of(kind).items()
        for alias in declared_of(hint).aliases
    }
    return {
        "type": "object",
        "description": (kind.__doc__ or "").partition("\n")[0],
        "properties": properties | old,
        "additionalProperties": False,
    }


def _property(kind: type[Settings], field: Field[Any]) -> dict[str, Any]:
    hint = hints_of(kind)[field.name]
    declared, item = declared_of(hint), item_of(hint)
    described: dict[str, Any] = {"description": meta_of(hint).description}
    if field.default is not None:
        described["default"] = msgspec.to_builtins(field.default, enc_hook=str)
    if item is None:
        return described | _scalar(hint)
    one = _scalar(item)
    ways: list[dict[str, Any]] = [{"type": "array", "items": one, "minItems": 1}, one]
    if declared.word_for_none:
        ways.append({"const": declared.word_for_none})
    return described | {"anyOf": ways}


def _scalar(hint: Any) -> dict[str, Any]:
    kind = bare(hint)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    if Path in (kind, *get_args(kind)):
        return {"type": "string"}
    return msgspec.json.schema(_annotated(kind, bounds_of(hint)))


def _annotated(kind: Any, bounds: dict[str, Any]) -> Any:
    from typing import Annotated

    return Annotated[kind, msgspec.Meta(**bounds)] if bounds else kind
