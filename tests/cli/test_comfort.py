"""Doctor, completion, help, verbosity, colours, and the variables of other libraries."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import click
import pytest

from featx.cli import main
from featx.cli.group import cli
from featx.experiment import doctor

DOCS = Path(__file__).parents[2] / "docs"


def load_make_cli() -> object:
    spec = importlib.util.spec_from_file_location("make_cli", DOCS / "make_cli.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COMMANDS = dict(load_make_cli().commands(cli, "featx"))


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0), *capsys.readouterr()


def featx(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "featx", *map(str, arguments)],
        env=dict(os.environ) | variables, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_on_a_line_of_its_own(name: str) -> None:
    command = COMMANDS[name]
    with click.Context(command, info_name=name, terminal_width=100) as context:
        text = command.get_help(context)
    example = re.escape(name) if name != "featx" else "Try it: featx"
    assert re.search(rf"^ +{example}( |$)", text.split("Options:")[0], re.MULTILINE), text
    assert "\\b" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_page_of_commands_is_current() -> None:
    # In a process of its own: click remembers what a command's help option was called when it was first asked for.
    code = f"import sys; sys.path.insert(0, {str(DOCS)!r}); from make_cli import page; print(page(), end='')"
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
    assert (DOCS / "cli.md").read_text("utf-8") == done.stdout.decode(), "run: python docs/make_cli.py"


def test_doctor_shows_every_section(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = call(capsys, "doctor", "--cache-dir", tmp_path, "--json")
    assert code == 0
    facts = json.loads(out)
    assert list(facts) == ["featx", "packages", "compute", "cache", "hub", "wandb", "environment"]
    assert facts["packages"]["torch"]
    assert facts["compute"]["device"] in ("cpu", "cuda", "mps")
    assert facts["compute"]["fastest type"] in ("float32", "bfloat16", "float16")
    assert re.fullmatch(r"\S+ times as fast as float32 \(.+\)", facts["compute"]["bfloat16"])
    assert facts["cache"]["writable"] is True
    assert facts["hub"]["reachable"] == "not asked: HF_HUB_OFFLINE is set"
    code, out, _ = call(capsys, "doctor", "--cache-dir", tmp_path / "not" / "there")
    assert code == 0
    assert "  writable" in out
    assert not (tmp_path / "not").exists()
    for name in ("torch", "avx512_bf16", "threads of torch", "reachable", "mode"):
        assert re.search(rf"^  {name} +\S", out, re.MULTILINE), name


def test_doctor_tells_no_secrets(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("WANDB_API_KEY", "0123456789secret")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FEATX_RESULTS", "/home/someone/results")
    code, out, _ = call(capsys, "doctor", "--cache-dir", tmp_path / "cache", "--json")
    facts = json.loads(out)
    assert code == 0
    assert "secret" not in out
    assert "someone" not in out
    assert socket.gethostname() not in out or len(socket.gethostname()) < 4
    assert facts["cache"]["folder"] == "~/cache"
    assert (facts["wandb"]["mode"], facts["wandb"]["key"]) == ("offline", True)
    assert facts["hub"]["logged in"] is True
    assert facts["environment"]["FEATX_RESULTS"] == "set"


class Answers(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(403)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def test_doctor_asks_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert doctor._reachable(f"http://127.0.0.1:{server.server_port}") is True
    assert re.match(r"no: ", str(doctor._reachable(f"http://127.0.0.1:{server.server_port}")))
    assert doctor._reachable("file:///etc/passwd") == "no: HF_ENDPOINT is no http address"


def test_a_cache_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    odd = tmp_path / "features" / ("a" * 64)
    odd.mkdir()
    (odd / "spec.json").write_text("no JSON")
    assert doctor._cache(tmp_path)["texts"] == 0
    (tmp_path / "file").write_text("")
    assert doctor._cache(tmp_path / "file")["kinds of features"] == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    code, out, _ = call(capsys, "completion", shell)
    assert code == 0
    assert f"_FEATX_COMPLETE={shell}_complete" in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("featx ext", "extract"),
        ("featx extract --lay", "--layer"),
        ("featx cache ver", "verify"),
        ("featx extract --dtype ", "bfloat16"),
        ("featx extract --pooling cls,m", "cls,mean"),
        ("featx baseline --methods logreg,rid", "logreg,ridge"),
        ("featx report --metric f1_m", "f1_macro"),
        ("featx report --format ", "csv"),
        ("featx finetune --lr-scheduler-type cos", "cosine"),
    ],
)
def test_what_is_completed(words: str, expected: str) -> None:
    done = featx(_FEATX_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
    assert f"plain,{expected}" in done.stdout.splitlines()


def test_completion_of_another_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "completion", "csh")[0] == 2


@pytest.mark.parametrize("before", [True, False])
def test_verbose_shows_the_way_to_an_error(capsys: pytest.CaptureFixture[str], before: bool) -> None:
    words = ["extract", "--dataset", "nowhere.csv"]
    code, _, err = call(capsys, *words)
    assert (code, err.count("\n")) == (1, 1)
    code, _, err = call(capsys, *(["--verbose", *words] if before else [*words, "--verbose"]))
    assert code == 1
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("featx: error: no file or folder 'nowhere.csv'")
    assert call(capsys, *words)[2].count("\n") == 1, "the next command is told anew"


def test_quiet_prints_results_only(tweets: Path, tmp_path: Path) -> None:
    words = ["baseline", "--dataset", tweets, "--methods", "majority", "--results", tmp_path / "results"]
    featx(*words)
    assert "kept" in featx(*words).stderr
    quiet = featx(*words, "--quiet")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert "majority" in quiet.stdout


def test_no_color(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Bars on a terminal carry no colours with NO_COLOR, and some without."""
    import io

    from featx.cli import display

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    def shown(**variables: str) -> str:
        screen = Screen()
        monkeypatch.setattr("sys.stderr", screen)
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with display.make_display(quiet=False).task("work", 2) as task:
            task.update(2)
        return screen.getvalue()

    coloured = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
    assert coloured.search(shown())
    assert not coloured.search(shown(NO_COLOR="1"))


def test_the_hubs_own_variables_are_respected(tmp_path: Path) -> None:
    """HF_HOME says where the Hub's files are looked for, HF_HUB_OFFLINE that no one is asked."""
    done = featx(
        "extract", "--dataset", "demo", "--checkpoint", "some/one",
        HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="1", FEATX_CACHE_DIR=str(tmp_path / "cache"),
    )  # fmt: skip
    assert done.returncode == 1
    assert f"HF_HUB_OFFLINE is set, so only the cache in {tmp_path / 'home' / 'hub'} was searched" in done.stderr
    done = featx(
        "extract", "--dataset", "demo", "--checkpoint", "some/one",
        HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="0", HF_ENDPOINT="http://127.0.0.1:9", NO_PROXY="*",
        FEATX_CACHE_DIR=str(tmp_path / "cache"),
    )  # fmt: skip
    assert done.returncode == 1
    assert f"tried http://127.0.0.1:9 and the cache in {tmp_path / 'home' / 'hub'}" in done.stderr
    assert "give a folder, or try --checkpoint demo" in done.stderr
    assert done.stderr.count("\n") == 1


def test_commands_are_all_listed(capsys: pytest.CaptureFixture[str]) -> None:
    out = call(capsys, "--help")[1]
    for name in COMMANDS:
        if name.count(" ") == 1:
            assert re.search(rf"^  {name.removeprefix('featx ')} +\S", out, re.MULTILINE)
