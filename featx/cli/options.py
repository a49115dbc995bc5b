"""Options made from the declarations of settings, and their sections in ``--help``; each has a variable ``FEATX_…``.

``@options_of(FeatureSettings)`` adds an option for every setting of a group, ``chosen(FeatureSettings, options)`` makes
the group out of what click hands over. What only a command line needs is an `option`, with a heading as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from featx.cli.types import SettingType, listed, type_of
from featx.cli.verbosity import verbose_option
from featx.experiment.workspace import Workspace
from featx.settings import (
    CheckpointSettings,
    ComputeSettings,
    DataSettings,
    FeatureSettings,
    RaySettings,
    WorkspaceSettings,
    names_of,
)
from featx.settings.base import Settings, hints_of
from featx.settings.declare import bare, declared_of, meta_of
from featx.settings.text import to_text

if TYPE_CHECKING:
    from featx.experiment.progress import Display
    from featx.session import Session

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=Settings)

_DISPLAY = "Output"


class Option(click.Option):
    """An option under a heading; of several names only the first is shown."""

    def __init__(self, *args: Any, heading: str = _DISPLAY, shown_default: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heading, self.shown_default = heading, shown_default

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return name and help; names of version 0.1 are read and not shown."""
        opts = self.opts
        self.opts = [opts[0], *(name for name in opts[1:] if not name.startswith("--"))]
        try:
            return super().get_help_record(ctx)
        finally:
            self.opts = opts

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return default and range as the declaration has them."""
        extra = super().get_help_extra(ctx)
        if self.shown_default:
            extra["default"] = self.shown_default
        if isinstance(self.type, SettingType) and (numbers := self.type.describe_range()):
            extra["range"] = numbers
        return extra

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return what the environment says; ``FEATX_NO_TEXTS=1`` is ``FEATX_TEXTS=0``."""
        stated = super().resolve_envvar_value(ctx)
        if stated is None and self.is_bool_flag and self.secondary_opts:
            denied = os.environ.get(f"FEATX_NO_{str(self.name).upper()}")
            return {"1": "false", "true": "false", "yes": "false", "on": "false"}.get((denied or "").lower())
        return stated


class Command(click.Command):
    """A command whose options stand under headings, in the order in which they were added."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each heading."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                sections.setdefault(getattr(param, "heading", _DISPLAY), []).append(record)
        output = sections.pop(_DISPLAY, [])
        for heading, records in [*sections.items(), (_DISPLAY, output)]:
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def command(name: str) -> Callable[[Callable[..., Any]], Command]:
    """Return a decorator that makes a command with headings."""
    return click.command(name, cls=Command)


def option(*declarations: str, heading: str = _DISPLAY, **attributes: Any) -> Callable[[F], F]:
    """Return a click option with an environment variable named after it."""
    name = next(d for d in declarations if d.startswith("--")).partition("/")[0]
    variable = attributes.pop("envvar", _variable(name))
    return click.option(*declarations, cls=Option, envvar=variable, heading=heading, **attributes)


def _variable(flag: str) -> str:
    """Return the environment variable of an option."""
    return "FEATX_" + flag.removeprefix("--").replace("-", "_").upper()


def setting_option(
    kind: type[Settings], name: str, *, old: Collection[str] = (), required: bool = False, default: Any = None
) -> Callable[[F], F]:
    """Return the option of one setting.

    Parameters
    ----------
    kind : type
    name : str
    old : collection of str
        Options of version 0.1 that mean the same.
    required : bool
        Whether the command line must name it though it has a default.
    default : optional
        Another default than the declaration's.
    """
    hint = hints_of(kind)[name]
    field = next(field for field in fields(kind) if field.name == name)
    declared, flag = declared_of(hint), "--" + name.replace("_", "-")
    help_text = meta_of(hint).description or ""
    value = field.default if default is None else default
    made = type_of(name, hint)
    words = getattr(made, "words", [])
    if words and not listed(words):
        help_text += f" One of: {', '.join(words)}."
    if value is None and declared.unset:
        help_text += f"  [{declared.unset}]"
    attributes: dict[str, Any] = {
        "heading": declared.heading or kind.heading,
        "envvar": _variable(flag) if not old else [_variable(flag), *map(_variable, old)],
        "help": help_text,
        "required": required,
    }
    if not required:
        attributes["default"] = value
    if bare(hint) is bool:
        return option(f"{flag}/--no-{name.replace('_', '-')}", name, show_default=True, **attributes)
    shown = "" if required else to_text(value, hint)
    return option(flag, *old, name, type=made, shown_default=shown, **attributes)


def options_of(
    kind: type[Settings],
    *,
    only: Collection[str] = (),
    without: Collection[str] = (),
    required: Collection[str] = (),
    defaults: dict[str, Any] | None = None,
    old: dict[str, Collection[str]] | None = None,
) -> Callable[[F], F]:
    """Return a decorator that adds an option for each setting of a group."""
    names = [name for name in only or names_of(kind) if name not in without]
    return combined(
        *(
            setting_option(
                kind,
                name,
                old=(old or {}).get(name, ()),
                required=name in required,
                default=(defaults or {}).get(name),
            )
            for name in names
        )
    )


def combined(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return several options as one decorator, shown in the order given."""

    def decorate(function: F) -> F:
        for add in reversed(options):
            function = add(function)
        return function

    return decorate


def chosen(kind: type[S], options: dict[str, Any]) -> S:
    """Return the settings of a group that a command's options say."""
    return kind(**{name: options[name] for name in names_of(kind) if name in options})


def stated(kind: type[Settings]) -> dict[str, Any]:
    """Return the settings of a group that the command line or the environment says, by name."""
    context = click.get_current_context()
    unsaid = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP, None)
    return {name: context.params[name] for name in names_of(kind) if context.get_parameter_source(name) not in unsaid}


data_options = options_of(DataSettings, required=["dataset"])
checkpoint_options = options_of(CheckpointSettings)
feature_options = options_of(FeatureSettings)
compute_options = options_of(ComputeSettings)
ray_options = options_of(RaySettings)
results_options = options_of(WorkspaceSettings)
cache_option = options_of(WorkspaceSettings, only=["cache_dir"])
quiet_option = combined(
    option("--quiet", "-q", is_flag=True, help="No progress and no remarks."),
    verbose_option,
)
json_option = option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def session(options: dict[str, Any], display: Display | None = None) -> Session:
    """Return the session that a command's options say."""
    from featx.session import Session

    named = options.get("checkpoint") is not None
    return Session(
        chosen(DataSettings, options),
        chosen(CheckpointSettings, options) if named else None,
        compute=chosen(ComputeSettings, options),
        ray=chosen(RaySettings, options),
        workspace=workspace(options),
        display=display,
    )


def workspace(options: dict[str, Any]) -> Workspace:
    """Return the folders that a command's options say."""
    return chosen(Workspace, options)
