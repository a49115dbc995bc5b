"""``featx doctor``."""

from __future__ import annotations

from featx.cli.options import cache_option, json_option
from featx.cli.options import command as make_command
from featx.cli.output import say, say_json
from featx.cli.tables import table
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
        say_json(facts)
        return
    for title, section in facts.items():
        say(title)
        say(table(["", ""], [[f"  {name}", _shown(value)] for name, value in section.items()]))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
