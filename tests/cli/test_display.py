"""Progress: bars on a terminal, lines in a log, nothing when quiet; user text is never markup."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from featx.cli import display
from featx.experiment.progress import Silent


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    made = display.make_display(quiet=False)
    assert isinstance(made, display.Terminal)
    made._console = Console(file=screen, force_terminal=True, width=100, legacy_windows=False)
    with made.task("extract [train]", 10) as task:
        task.update(3, detail="12 texts/s [bold]")
        task.update(10, 10, "done")
    made.say("results/[red]x")
    shown = screen.getvalue()
    assert "extract [train]" in shown
    assert "10/10" in shown
    assert "results/[red]x" in shown


def test_lines_in_a_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made = display.make_display(quiet=False)
    assert isinstance(made, display.Lines)
    with made.task("extract", None) as task:
        task.update(1)
    made.say("a remark")
    assert capsys.readouterr() == ("", "a remark\n")


def test_nothing_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    made = display.make_display(quiet=True)
    assert isinstance(made, Silent)
    made.say("a remark")
    assert capsys.readouterr() == ("", "")
