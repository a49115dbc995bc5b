"""``featx cache``: list, verify, gc, clear, compact."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path

import pytest
from store_faults import held, open_store, put

from featx.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FEATX_CACHE_DIR", str(tmp_path))
    put(open_store(tmp_path), ["a", "b"])
    put(open_store(tmp_path), ["c"])
    return tmp_path


def test_list(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "cache", "list")
    assert code == 0
    assert "3 texts" in out
    assert "layer 6 cls, float32, up to 128 tokens, checkpoint model" in out
    (store,) = json.loads(run(capsys, "cache", "list", "--json")[1])["stores"]
    assert (store["texts"], store["shards"], store["spec"]["layer"]) == (3, 2, 6)
    assert store["bytes"] == sum(
        p.stat().st_size for p in cache.rglob("*") if p.name not in ("spec.json", "used") and p.is_file()
    )


def test_an_empty_or_missing_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = tmp_path / "nowhere"
    for command in ("list", "verify", "gc", "compact"):
        assert run(capsys, "cache", command, "--cache-dir", nowhere)[0] == 0
    assert not nowhere.exists()


def test_verify(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "cache", "verify") == (0, "2 shards read, 0 bad\n", "")
    victim = next(cache.rglob("*.npy"))
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    code, out, _ = run(capsys, "cache", "verify")
    assert code == 1
    assert f"bad: {victim.with_suffix('.json')}: {victim.name} is not what was written" in out
    assert run(capsys, "cache", "verify", "--remove")[0] == 1
    assert run(capsys, "cache", "verify")[1] == "1 shards read, 0 bad\n"


def test_gc(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "cache", "gc", "--older-than", "1d")[1] == "0 kinds of features removed\n"
    old = time.time() - 3 * 86_400
    os.utime(next(cache.rglob("used")), (old, old))
    assert "removed 3 texts" in run(capsys, "cache", "gc", "--older-than", "1d", "--max-size", "1G")[1]
    assert held(open_store(cache), ["a", "b", "c"]) == []


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--older-than", "soon", "expected a number and s, m, h, d or w"),
        ("--max-size", "-1", "expected a number and K"),
    ],
)
def test_wrong_ages_and_sizes(
    cache: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, words: str
) -> None:
    code, _, err = run(capsys, "cache", "gc", option, value)
    assert code == 2
    assert words in err


def test_clear_asks(cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, _, err = run(capsys, "cache", "clear")
    assert (code, "nothing removed" in err) == (1, True)
    assert held(open_store(cache), ["a"]) == ["a"]
    assert run(capsys, "cache", "clear", "--yes")[0] == 0
    assert held(open_store(cache), ["a"]) == []


def test_compact(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "cache", "compact")[1] == "2 shards before, 1 now\n"
    assert held(open_store(cache), ["a", "b", "c"]) == ["a", "b", "c"]
