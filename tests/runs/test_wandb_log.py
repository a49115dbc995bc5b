"""Weights & Biases: what is told, what is not, and that its failures end nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_runs import make_run

from featx.runs.wandb_log import WandbLog, effective_mode
from featx.settings import TrackingSettings, WandbMode

OFFLINE = TrackingSettings(WandbMode.OFFLINE, "a-project")


@pytest.mark.parametrize(
    ("mode", "stated", "expected"),
    [
        (WandbMode.OFF, "online", WandbMode.OFF),
        (WandbMode.ONLINE, "offline", WandbMode.OFFLINE),
        (WandbMode.ONLINE, "disabled", WandbMode.OFF),
        (WandbMode.OFFLINE, "disabled", WandbMode.OFF),
        (WandbMode.OFFLINE, "online", WandbMode.OFFLINE),
        (WandbMode.ONLINE, "", WandbMode.ONLINE),
    ],
)
def test_the_environment_can_ask_for_less_only(
    monkeypatch: pytest.MonkeyPatch, mode: WandbMode, stated: str, expected: WandbMode
) -> None:
    monkeypatch.setenv("WANDB_MODE", stated)
    assert effective_mode(mode) is expected


@pytest.mark.parametrize(
    ("stated", "is_off"), [("true", True), ("1", True), ("ON", True), ("false", False), ("", False)]
)
def test_the_variable_that_disables_it_is_heard(monkeypatch: pytest.MonkeyPatch, stated: str, is_off: bool) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_DISABLED", stated)
    assert (effective_mode(WandbMode.ONLINE) is WandbMode.OFF) is is_off


@pytest.mark.parametrize("stated", ["abc", None])
def test_an_id_from_the_environment_does_not_merge_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str | None
) -> None:
    ids: list[str | None] = []
    fake = SimpleNamespace(Settings=SimpleNamespace, init=lambda **settings: ids.append(settings["id"]))
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.setenv("WANDB_RUN_ID", stated) if stated else monkeypatch.delenv("WANDB_RUN_ID", raising=False)
    for seed in (0, 1):
        WandbLog(OFFLINE, tmp_path, pytest.fail).begin(f"finetune-seed-{seed}", "group", {})
    assert ids == ([f"{stated}-finetune-seed-0", f"{stated}-finetune-seed-1"] if stated else [None, None])


ASKING = """
import sys; sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from featx.settings import TrackingSettings, WandbMode
from featx.runs.wandb_log import WandbLog
assert sys.stdin.isatty() and sys.stderr.isatty()
WandbLog(TrackingSettings(WandbMode.ONLINE, "p"), Path(sys.argv[2]), print).begin("name", "group", {})
print("WENT-ON", sys.stdin.isatty())
"""


def test_at_a_terminal_without_a_key_nobody_is_asked(tmp_path: Path) -> None:
    import pty

    script = tmp_path / "asking.py"
    script.write_text(ASKING)
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")} | {"HOME": str(tmp_path)}
    environment |= {"NETRC": str(tmp_path / "none"), "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, str(script), str(Path(__file__).parents[2]), str(tmp_path / "wandb")],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.wait(timeout=100) == 0
        said = os.read(ours, 100_000).decode()
    finally:
        process.kill()
        os.close(theirs)
        os.close(ours)
    assert "Weights & Biases failed (" in said
    assert "API key" in said
    assert "the run goes on without it" in said
    assert "WENT-ON True" in said


def test_off_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    log, run = WandbLog(TrackingSettings(), tmp_path, pytest.fail), make_run(tmp_path / "runs")
    log.begin("name", "group", {})
    log.log({"loss": 1.0, "step": 1})
    log.finish(run.record, run.predictions)
    log.abandon()
    assert not list(tmp_path.glob("*wandb*"))


@pytest.mark.parametrize("where", ["import", "init", "log", "finish"])
def test_a_failure_is_one_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the service is down\nand more")

    def work(*args: object, **kwargs: object) -> SimpleNamespace:
        return SimpleNamespace(log=fail if where == "log" else work, finish=fail, summary={})

    fake = SimpleNamespace(
        Settings=SimpleNamespace, init=fail if where == "init" else work, Table=SimpleNamespace,
        plot=SimpleNamespace(confusion_matrix=work),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "wandb", None if where == "import" else fake)
    said: list[str] = []
    log, run = WandbLog(OFFLINE, tmp_path / "wandb", said.append), make_run(tmp_path / "runs")
    log.begin("name", "group", {})
    log.log({"loss": 1.0, "step": 1})
    log.log({"loss": 1.0, "step": 2})
    log.finish(run.record, run.predictions)
    assert len(said) == 1
    assert said[0].startswith("Weights & Biases failed (")
    assert "\n" not in said[0]


SCRIPT = """
import os, socket, sys; sys.path[:0] = [sys.argv[1], sys.argv[2]]
if os.environ["OWN_HOST"]:
    socket.sethostname("PLANTED-HOST")
from pathlib import Path
from made_runs import make_run
from featx.settings import TrackingSettings, WandbMode
from featx.runs.wandb_log import WandbLog
folder = Path(sys.argv[3])
run = make_run(folder / "runs")
log = WandbLog(TrackingSettings(WandbMode.OFFLINE, "a-project"), folder / "wandb", print)
log.begin("logreg-seed-0", "an-experiment", {"learning_rate": 0.125})
log.log({"loss": 0.5, "learning_rate": 0.1, "epoch": 0.5, "step": 1})
log.log({"eval_f1_macro": 0.625, "epoch": 1.0, "step": 2})
log.finish(run.record, run.predictions)
"""


def test_an_offline_run_holds_the_curves_and_no_secret(tmp_path: Path) -> None:
    """Every byte that wandb leaves behind, its debug logs included; the secrets are in argv, environment and path."""
    script = tmp_path / "run-PLANTEDPATH.py"
    script.write_text(SCRIPT)
    here = Path(__file__).parents
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
    environment |= {"A_TOKEN": "PLANTEDENV", "WANDB_API_KEY": "PLANTEDKEY" + "0" * 30, "USER": "PLANTEDUSER"}
    own_host = ["unshare", "-ru"] if own_host_name_is_possible() else []
    environment["OWN_HOST"] = " ".join(own_host)
    done = subprocess.run(
        [*own_host, sys.executable, str(script), str(here[1]), str(here[2]), str(tmp_path), "PLANTEDARG"],
        env=environment | {"HOME": str(tmp_path / "PLANTEDHOME")}, capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    files = [path for name in ("wandb", "PLANTEDHOME") for path in (tmp_path / name).rglob("*") if path.is_file()]
    assert any(path.suffix == ".wandb" for path in files)
    content = {path: path.read_bytes() for path in files} | {Path("records"): records(files)}
    for path, data in content.items():
        for secret in (b"PLANTED", b"made_runs", b"wandb_log"):
            assert secret not in data, f"{secret!r} is in {path}"
    told = content[Path("records")]
    for wanted in (b"a-project", b"logreg-seed-0", b"an-experiment", b"learning_rate", b"0.125", b"validation/f1_macro",
                   b"train/loss", b"confusion_matrix", b"predictions"):  # fmt: skip
        assert wanted in told, wanted
    tables = b"".join(data for path, data in content.items() if path.suffix == ".json")
    assert b'"y_true"' in tables
    assert b'"negative"' in tables


def own_host_name_is_possible() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-ru", "true"], capture_output=True).returncode == 0


def records(files: list[Path]) -> bytes:
    """The records of a run, decoded: what is cut into blocks on disk is searched as well."""
    from wandb.proto import wandb_internal_pb2

    told = b""
    for path in files:
        if path.suffix == ".wandb":
            for data in blocks(path.read_bytes()):
                record = wandb_internal_pb2.Record()
                record.ParseFromString(data)
                told += str(record).encode()
    return told


def blocks(data: bytes) -> list[bytes]:
    """LevelDB's log format: blocks of 32 KiB, in them parts with checksum, length and kind (1 whole, 2 to 4 a piece)."""
    found, piece, at = [], b"", 7
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        piece += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            found.append(piece)
            piece = b""
    assert not piece
    assert at == len(data)
    return found
