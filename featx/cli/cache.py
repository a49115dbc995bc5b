"""``featx cache``."""

from __future__ import annotations

import time
from typing import Any

import click

from featx.cli.options import Command, cache_option, json_option, option
from featx.cli.output import say, say_json
from featx.cli.tables import table
from featx.settings import CachePlace


@click.group("cache")
def command() -> None:
    r"""List, verify and tidy the cached features.

    \b
    featx cache list
    featx cache gc --older-than 90d --max-size 20G
    """


@command.command("list", cls=Command)
@cache_option
@json_option
def list_command(cache_dir: CachePlace | None, as_json: bool) -> None:
    r"""Show what is cached: features in words, texts, size, last use.

    \b
    featx cache list
    """
    from featx.experiment.cache import describe, list_stores
    from featx.experiment.workspace import cache_folder

    stores = list_stores(cache_folder(cache_dir))
    if as_json:
        listed = [
            {
                "spec": s.spec,
                "digest": s.folder.name,
                "shards": s.shards,
                "texts": s.texts,
                "bytes": s.size,
                "last_used": s.last_used,
            }
            for s in stores
        ]
        say_json({"cache_dir": str(cache_folder(cache_dir)), "stores": listed})
        return
    rows = [
        [
            store.folder.name[:12],
            f"{store.texts} texts",
            f"{store.size / 2**20:.1f} MiB",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(store.last_used)),
            describe(store),
        ]
        for store in stores
    ]
    if rows:
        say(table([""] * 5, rows, right={1, 2}))
    total = sum(store.size for store in stores) / 2**20
    say(f"{len(stores)} kinds of features, {total:.1f} MiB in {cache_folder(cache_dir)}")


@command.command("verify", cls=Command)
@cache_option
@option("--remove", is_flag=True, help="Remove bad shards; their texts are encoded again when wanted.")
@click.pass_context
def verify_command(context: click.Context, cache_dir: CachePlace | None, remove: bool) -> None:
    r"""Read every byte and name every bad shard; exit code 1 if there is one.

    \b
    featx cache verify
    """
    from featx.experiment.cache import verify
    from featx.experiment.workspace import cache_folder

    seen: list[CachePlace] = []
    bad = verify(cache_folder(cache_dir), remove, seen.append)
    for shard in bad:
        say(f"bad: {shard.path}: {shard.reason}{' (removed)' if remove else ''}")
    say(f"{len(seen)} shards read, {len(bad)} bad")
    if bad:
        context.exit(1)


@command.command("gc", cls=Command)
@cache_option
@option("--older-than", help="Remove features not used for so long: 30d, 12h, 2w.")
@option("--max-size", help="Then remove the least recently used until the rest fits: 20G, 500M.")
def gc_command(cache_dir: CachePlace | None, **options: Any) -> None:
    r"""Remove features that were not used for long, and what dead processes left.

    \b
    featx cache gc --older-than 90d
    """
    from featx.experiment.cache import describe, gc, parse_age, parse_size
    from featx.experiment.workspace import cache_folder

    age, size = options["older_than"], options["max_size"]
    removed = gc(cache_folder(cache_dir), parse_age(age) if age else None, parse_size(size) if size else None)
    for store in removed:
        say(f"removed {store.texts} texts, {store.size / 2**20:.1f} MiB: {describe(store)}")
    say(f"{len(removed)} kinds of features removed")


@command.command("clear", cls=Command)
@cache_option
@option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def clear_command(context: click.Context, cache_dir: CachePlace | None, yes: bool) -> None:
    r"""Remove every cached feature and built checkpoint.

    \b
    featx cache clear --yes
    """
    from featx.experiment.cache import clear
    from featx.experiment.workspace import cache_folder

    folder = cache_folder(cache_dir)
    if not yes and not _confirmed(f"Remove everything cached in {folder}?"):
        say("nothing removed", err=True)
        context.exit(1)
    removed = clear(folder)
    say(f"{len(removed)} kinds of features removed from {folder}")


def _confirmed(question: str) -> bool:
    """Return whether a person says yes; the end of the input is a no."""
    try:
        return click.confirm(question, err=True)
    except click.Abort as e:
        if isinstance(e.__context__, EOFError):
            click.echo(err=True)
            return False
        raise


@command.command("compact", cls=Command)
@cache_option
def compact_command(cache_dir: CachePlace | None) -> None:
    r"""Make few large shards out of many small ones.

    \b
    featx cache compact
    """
    from featx.experiment.cache import compact
    from featx.experiment.workspace import cache_folder

    before, after = compact(cache_folder(cache_dir))
    say(f"{before} shards before, {after} now")
