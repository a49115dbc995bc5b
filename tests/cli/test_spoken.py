"""What the command line answers: options under their own names, a no that is a no, readers that leave."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from featx.cli import main
from featx.cli.group import cli
from featx.experiment.example import example


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command by what is typed."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for word in command.list_commands(context):
        yield from commands(command.get_command(context, word), f"{name} {word}")


COMMANDS = dict(commands(cli, "featx"))


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0), *capsys.readouterr()


class Typed(io.TextIOWrapper):
    def __init__(self, text: str) -> None:
        super().__init__(io.BytesIO(text.encode()), "utf-8")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["report", "nowhere", "--confidence", "\udcff"], "--confidence"),
        (["extract", "--dataset", "demo", "--pooling", "\udcff"], "--pooling"),
        (["baseline", "--dataset", "demo", "--seeds", "\udcff"], "--seeds"),
    ],
)
def test_bytes_that_are_no_text(words: list[str], option: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, *words)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"featx: error: {option} is ")
    assert r"\udcff" in err


@pytest.mark.parametrize(("typed", "code"), [("n\n", 1), ("", 1), ("y\n", 0)])
def test_clearing_the_cache_asks(
    typed: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(typed))
    got, out, err = call(capsys, "cache", "clear", "--cache-dir", tmp_path)
    assert got == code
    assert "interrupted" not in err
    assert ("nothing removed" in err, "kinds of features removed" in out) == (code == 1, code == 0)


def test_an_experiment_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", Typed(example() + "\n[checkpoints]\n"))
    code, _, err = call(capsys, "run", "-", "--dry-run")
    assert (code, "standard input: unknown key 'checkpoints'" in err) == (2, True)
    monkeypatch.setattr(sys, "stdin", Typed("= ="))
    code, _, err = call(capsys, "run", "-", "--dry-run")
    assert (code, "standard input is no TOML" in err) == (2, True)
    monkeypatch.setattr(
        sys, "stdin", Typed('[data]\ndataset = "demo"\n[checkpoint]\ncheckpoint = "demo"\n[baseline]\n')
    )
    code, out, err = call(capsys, "run", "-", "--dry-run")
    assert (code, out.splitlines()[-1][-6:]) == (0, "0 done"), err


def test_notes_and_remedies_name_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "d.tsv"
    data.write_text("text\tlabel\n" + "".join(f'"a{k} b\t{"xy"[k % 2]}\n' for k in range(40)), "utf-8")
    code, out, err = call(capsys, "inspect", "data", "--dataset", data)
    assert (code, "--quoting" in out) == (0, True), out + err
    assert "`" not in out
    code, _, err = call(capsys, "inspect", "data", "--dataset", data, "--text-column", "txt")
    assert code == 1
    assert "or give --no-header if" in err


def test_a_reader_that_leaves_ends_a_command_quietly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "featx", "inspect", "data", "--dataset", "demo"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ) | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_predicting_into_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "predict", "nowhere", "text", "--output", tmp_path / "no" / "out.csv")
    assert code == 2
    assert "--output" in err
    assert "is not there" in err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_fit_eighty_columns(name: str) -> None:
    with click.Context(COMMANDS[name], info_name=name, terminal_width=100) as context:
        lines = COMMANDS[name].get_help(context).splitlines()
    examples = [line for line in lines if f"{line} ".startswith(f"  {name} ")]
    assert examples
    assert max(map(len, examples)) <= 80
