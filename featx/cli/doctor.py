"""``featx doctor``."""

from __future__ import annotations

import json

import click

from featx.cli.options import cache_option, json_option
from featx.cli.options import command as make_command
from featx.settings import CachePlace


@make_command("doctor")
@cache_option
@json_option
def command(cache_dir: CachePlace | None, as_json: bool) -> None:
    r"""Show what a bug report should say: versions, device, threads, cache, Hub, wandb; no secrets, no names.

    \b
    featx doctor
    featx doctor --json
    """
    from featx.experiment.doctor import examine

    facts = examine(cache_dir)
    if as_json:
        click.echo(json.dumps(facts))
        return
    width = max(len(name) for section in facts.values() for name in section)
    for title, section in facts.items():
        click.echo(title)
        for name, value in section.items():
            shown = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
            click.echo(f"  {name:{width}}  {shown}")
