"""Every setting is declared once; what the six faces of it say is compared here, for all fields of all groups."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
import typing
from dataclasses import fields
from enum import Enum
from pathlib import Path
from types import ModuleType

import click
import msgspec
import pytest

from featx.cli.group import cli
from featx.cli.options import Option
from featx.errors import SettingsError
from featx.experiment.example import example
from featx.experiment.plan import plan_from
from featx.settings import GROUPS, FinetuneMethod, FinetuneSettings, identity_facts, keywords, settings_from
from featx.settings.base import hints_of
from featx.settings.declare import Identity, bare, bounds_of, declared_of, item_of, meta_of
from featx.settings.text import from_text, to_text

ROOT = Path(__file__).parents[2]
FIELDS = {f"{table}.{field.name}": (kind, field) for table, kind in GROUPS.items() for field in fields(kind)}


def page_of(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands() -> dict[str, click.Command]:
    return dict(page_of("make_cli").commands(cli, "featx"))


COMMANDS = commands()


def options_for(name: str, heading: str) -> list[Option]:
    """Options of any command that are this setting's."""
    found = [param for command in COMMANDS.values() for param in command.params if isinstance(param, Option)]
    return [param for param in found if param.name == name and param.heading == heading]


def other_value(kind: type, field: object) -> object:
    """A value that is allowed and not the default."""
    hint = hints_of(kind)[field.name]
    item = item_of(hint) if item_of(hint) is not None else hint
    inner, bounds = bare(item), bounds_of(item)
    if inner is bool:
        return not field.default
    if isinstance(inner, type) and issubclass(inner, Enum):
        value = next(member for member in inner if member != field.default and (member,) != field.default)
    elif inner in (int, float):
        low = bounds.get("ge", bounds.get("gt", 0.0))
        high = bounds.get("lt", bounds.get("le", float("inf")))
        value = inner(low + 7) if low + 7 < high else inner((low + high) / 2 + 0.1)
    elif inner is str:
        value = declared_of(hint).example or "other"
    else:
        value = Path("other")
    return (value,) if item_of(hint) is not None else value


@pytest.mark.parametrize("name", FIELDS)
def test_the_six_faces_of_a_setting_agree(name: str) -> None:
    kind, field = FIELDS[name]
    table, _, setting = name.partition(".")
    hint, value = hints_of(kind)[setting], other_value(kind, field)
    declared, words = declared_of(hint), meta_of(hint).description
    assert words, "every setting says what it is"
    # Python, and the check.
    made = settings_from(kind, {setting: value})
    assert getattr(made, setting) == value != field.default
    wrong: object = object()
    with pytest.raises(SettingsError, match=rf"^`{setting}` is .*; expected ") as error:
        settings_from(kind, {setting: wrong})
    assert error.value.setting == setting
    # The command line: type, default, help, variable, and the same value from text.
    heading = declared.heading or kind.heading
    (option, *_) = options_for(setting, heading)
    flag = "--" + setting.replace("_", "-")
    assert option.opts[0] == flag
    variables = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar)
    assert variables[0] == "FEATX_" + setting.upper()
    assert option.help.startswith(words)
    if bare(hint) is bool:
        assert option.secondary_opts == ["--no-" + setting.replace("_", "-")]
    else:
        assert option.type.convert(to_text(value, hint), option, None) == value
        assert from_text(setting, to_text(value, hint), hint) == value
    # The experiment file, with its path in the error.
    plain = json.loads(msgspec.json.encode(value, enc_hook=str))
    tables = {"data": {}} | {table: {setting: plain}}
    plan = plan_from(tables, "e.toml")
    group = plan.checkpoints[0] if table == "checkpoint" else getattr(plan, table)
    assert getattr(group, setting) == value
    with pytest.raises(SettingsError, match=rf"^e\.toml: {table}\.{setting} is "):
        plan_from({"data": {}} | {table: {setting: {}}}, "e.toml")
    # Old names are read as the new one.
    for alias in declared.aliases:
        assert settings_from(kind, {alias: value}) == made
    # The example and the schema.
    line = re.search(rf"\[{table}\]\n(?:.+\n)*?(# )?{setting} = .*  # {re.escape(words.rstrip('.'))}", example())
    assert line, f"{name} is not in the example"
    schema = json.loads((ROOT / "docs" / "experiment.schema.json").read_text("utf-8"))["properties"][table]
    (schema, *_) = schema.get("anyOf", [schema])
    assert schema["properties"][setting]["description"] == words
    assert valid(plain, schema["properties"][setting])
    # Keywords that editors and mypy see.
    if setting not in page_of("make_keywords").POSITIONAL:
        typed = getattr(keywords, f"{table.title()}Keywords")
        assert setting in typed.__annotations__
    # The identity of runs.
    facts = identity_facts(
        settings_from(kind, {"method": "lora", setting: value} if table == "finetune" else made.__dict__)
    )
    stored = declared.stored or setting
    assert (stored in facts) is (declared.identity is not Identity.NEVER)
    if setting != "method":
        assert facts.get(stored, plain) == plain
        if declared.identity is Identity.UNLESS_DEFAULT:
            assert stored not in identity_facts(kind())


def valid(value: object, schema: dict[str, object]) -> bool:
    """Whether `value` fits a schema of a setting."""
    if "anyOf" in schema:
        return any(valid(value, one) for one in schema["anyOf"])
    if "const" in schema:
        return value == schema["const"]
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list}
    return isinstance(value, kinds[schema["type"]])


def test_the_pages_made_from_the_declarations_are_current() -> None:
    schema = page_of("make_schema")
    assert schema.TARGET.read_text("utf-8") == schema.page(), "run: python docs/make_schema.py"
    made = page_of("make_keywords")
    plain = re.compile(r"[\s,()]+")
    assert plain.sub("", made.TARGET.read_text("utf-8")) == plain.sub("", made.page()), (
        "run: python docs/make_keywords.py"
    )


def test_the_whole_example_is_valid_by_the_schema() -> None:
    schema = json.loads((ROOT / "docs" / "experiment.schema.json").read_text("utf-8"))
    for table, values in tomllib.loads(example()).items():
        (wanted, *_) = schema["properties"][table].get("anyOf", [schema["properties"][table]])
        for name, value in values.items():
            assert valid(value, wanted["properties"][name]), (table, name)


def test_keywords_resolve() -> None:
    for name in ("BaselineCall", "FinetuneCall", "ExtractCall", "ReportCall", "LoadDatasetCall"):
        assert typing.get_type_hints(getattr(keywords, name))


def test_public_functions_show_every_setting() -> None:
    import inspect

    import featx

    for name, tables in page_of("make_keywords").CALLS.items():
        function = getattr(featx, name, None)
        if name in ("session", "predict"):
            continue
        parameters = inspect.signature(function).parameters
        for table in tables:
            for field in fields(GROUPS[table]):
                if field.name not in ("dataset", "checkpoint"):
                    assert parameters[field.name].default == field.default, (name, field.name)
                    assert f"\n{field.name} : default " in function.__doc__


STORED = Path(__file__).parents[1] / "runs_of_0_1"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("finetune", FinetuneSettings(num_train_epochs=0.3)),
        ("finetune-lora", FinetuneSettings(method=FinetuneMethod.LORA, max_steps=1, lora_r=4, logging_steps=1)),
    ],
)
def test_fine_tunings_of_0_1_keep_their_identity(name: str, settings: FinetuneSettings) -> None:
    assert identity_facts(settings) == json.loads((STORED / f"{name}.json").read_text())["settings"]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ridge", {"refit": "train+validation", "calibrate": "sigmoid"}),
        ("majority", {"refit": "train+validation", "calibrate": "sigmoid"}),
        ("logreg-cv", {"cv": 3}),
    ],
)
def test_baselines_of_0_1_keep_their_identity(name: str, settings: dict[str, object]) -> None:
    from featx.baselines import find_method
    from featx.experiment.probe_record import settings_facts
    from featx.settings import BaselineSettings

    facts = settings_facts(find_method(name.partition("-")[0]), BaselineSettings(**settings))
    assert json.loads(json.dumps(facts)) == json.loads((STORED / f"{name}.json").read_text())["settings"]


@pytest.mark.parametrize(
    ("variables", "expected"), [({}, True), ({"FEATX_NO_TEXTS": "1"}, False), ({"FEATX_TEXTS": "0"}, False)]
)
def test_the_variable_of_0_1_that_keeps_texts_away_is_heard(
    variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    made = COMMANDS["featx baseline"].make_context("baseline", ["--dataset", "demo"])
    assert made.params["texts"] is expected


def test_the_old_option_for_a_file_of_features_is_heard_and_not_shown() -> None:
    command = COMMANDS["featx baseline"]
    made = command.make_context("baseline", ["--dataset", "demo", "--features", "mine.npz"])
    assert made.params["features_file"] == Path("mine.npz")
    assert "--features " not in command.get_help(made)
