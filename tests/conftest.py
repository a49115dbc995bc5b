"""Fixtures: tiny checkpoints and data, and the real tweets beside the project."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import make_checkpoint, write_tweeteval

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("FEATX_CACHE_DIR", None)

UMSAB = Path(__file__).parents[2] / "shared" / "data" / "umsab-english"


@pytest.fixture(scope="session")
def umsab() -> Path:
    """The tweets; missing ones fail in CI and skip elsewhere."""
    if not UMSAB.is_dir():
        message = f"the real tweets are missing at {UMSAB}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return UMSAB


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """From a kind of encoder to a tiny checkpoint of it; read only."""
    made: dict[str, Path] = {}

    def checkpoint(kind: str) -> Path:
        if kind not in made:
            made[kind] = make_checkpoint(tmp_path_factory.mktemp("checkpoint") / kind, kind)
        return made[kind]

    return checkpoint


@pytest.fixture(scope="session")
def tiny(checkpoints: Callable[[str], Path]) -> Path:
    """A tiny DistilBERT; read only."""
    return checkpoints("distilbert")


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    """A tiny data set in the TweetEval layout."""
    return write_tweeteval(tmp_path / "tweets")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ``slow_tests.txt`` names."""
    here = Path(__file__).parent
    slow = {line for line in (here / "slow_tests.txt").read_text().splitlines() if not line.startswith("#")}
    for item in items:
        if f"tests/{item.nodeid.partition('[')[0].removeprefix('tests/')}" in slow:
            item.add_marker(pytest.mark.slow)
