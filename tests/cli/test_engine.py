"""Every command, Python and TOML hand extraction to the engine that is named; here by what they say without Ray."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import featx
from featx.cli import main
from featx.errors import SettingsError

MISSING = r"engine.* is 'ray', which is not installed; pip install 'featx\[ray\]'"


@pytest.fixture(autouse=True)
def without_ray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("FEATX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("FEATX_RESULTS", str(tmp_path / "results"))


@pytest.mark.parametrize(
    "command", [["extract"], ["baseline", "--methods", "logreg"], ["finetune", "--method", "lp", "--max-steps", "1"]]
)
def test_every_command(command: list[str], tweets: Path, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*command, "--dataset", str(tweets), "--checkpoint", str(tiny), "--engine", "ray"])
    assert stop.value.code == 2
    assert re.search("--" + MISSING, capsys.readouterr().err)


def test_python(tweets: Path, tiny: Path) -> None:
    with pytest.raises(SettingsError, match=MISSING):
        featx.extract(str(tweets), str(tiny), engine="ray")


def test_toml(tweets: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        f'[data]\ndataset = "{tweets}"\n[checkpoint]\ncheckpoint = "{tiny}"\n[ray]\nengine = "ray"\n'
        '[baseline]\nmethods = ["logreg"]\n'
    )
    with pytest.raises(SystemExit) as stop:
        main(["run", str(plan)])
    assert stop.value.code == 2
    assert re.search(MISSING, capsys.readouterr().err)
