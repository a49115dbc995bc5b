"""``featx completion``: click's own shell completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_FEATX_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    r"""Print the script that completes featx's commands and options in SHELL.

    \b
    featx completion bash >> ~/.bashrc
    featx completion zsh >> ~/.zshrc
    featx completion fish > ~/.config/fish/completions/featx.fish
    """
    from featx.cli.group import cli

    kind = get_completion_class(shell)
    assert kind is not None
    # Not `source()`: for bash that starts one to ask for its version, and this may run where there is none.
    completion = kind(cli, {}, "featx", _VARIABLE)
    click.echo(completion.source_template % completion.source_vars())
