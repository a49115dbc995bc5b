"""One thread: tiny models wait longer for each other's threads than they compute."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # for processes that tests start
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def cases() -> Path:
    """Inputs that broke version 0.1; missing ones fail in CI and skip elsewhere."""
    folder = Path(__file__).parents[3] / "shared" / "cases"
    if not folder.is_dir():
        message = f"the cases are missing at {folder}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder
