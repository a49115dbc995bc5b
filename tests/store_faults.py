"""An interposer on the system calls of a commit, and a tiny store to break."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from featx import files
from featx.data import text_digests
from featx.features.spec import FeatureSpec
from featx.features.store import FeatureStore
from featx.settings import Dtype, Pooling

SPEC = FeatureSpec("model", "tokenizer", 128, 6, Pooling.CLS, Dtype.FLOAT32)
WIDTH = 8
#: System calls of a commit, as `featx.files` reaches them.
CALLS = ("open", "write", "fsync", "close", "replace", "rename", "mkdir", "unlink")


def open_store(cache: Path) -> FeatureStore:
    return FeatureStore(cache, SPEC, WIDTH)


def vector(text: str) -> np.ndarray:
    """The one right vector of a text, the same in every process."""
    seed = int(text_digests([text])[0, 0] % 2**32)
    return np.random.default_rng(seed).normal(size=WIDTH).astype(np.float32)


def put(store: FeatureStore, texts: list[str]) -> None:
    store.put(text_digests(texts), np.stack([vector(text) for text in texts]), {"encode_seconds": 1.0})


def held(store: FeatureStore, texts: list[str]) -> list[str]:
    """Texts that the store has; each of their vectors is compared with the right one, bit for bit."""
    rows = store.find(text_digests(texts))
    there = [text for text, row in zip(texts, rows, strict=True) if row >= 0]
    if there:
        expected = np.stack([vector(text) for text in there])
        assert store.gather(rows[rows >= 0]).tobytes() == expected.tobytes(), "a wrong row came back"
    return there


class Interposer:
    """Stands for the module ``os`` in `featx.files`, and does something at the n-th call."""

    def __init__(self, at: int, action: Callable[[str, tuple[Any, ...]], Any] | None) -> None:
        self.at, self.action, self.seen = at, action, []

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*arguments: Any, **settings: Any) -> Any:
            self.seen.append(name)
            if len(self.seen) - 1 == self.at and self.action is not None:
                return self.action(name, arguments)
            return real(*arguments, **settings)

        return call


@contextmanager
def interposed(at: int, action: Callable[[str, tuple[Any, ...]], Any] | None) -> Iterator[Interposer]:
    interposer = Interposer(at, action)
    files.os = interposer
    try:
        yield interposer
    finally:
        files.os = os


def kill_before(name: str, arguments: tuple[Any, ...]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_after(name: str, arguments: tuple[Any, ...]) -> None:
    getattr(os, name)(*arguments) if name != "open" else os.open(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)


def kill_half(name: str, arguments: tuple[Any, ...]) -> None:
    """Half of a write, then the end; of other calls nothing."""
    if name == "write":
        os.write(arguments[0], arguments[1][: len(arguments[1]) // 2])
    os.kill(os.getpid(), signal.SIGKILL)


def fail_with(code: int) -> Callable[[str, tuple[Any, ...]], None]:
    def fail(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "close":
            os.close(*arguments)
        raise OSError(code, os.strerror(code))

    return fail


def short_write(name: str, arguments: tuple[Any, ...]) -> Any:
    """A write that takes one byte, as it may."""
    if name == "write":
        return os.write(arguments[0], arguments[1][:1])
    return getattr(os, name)(*arguments)


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked process; its exit status, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            os._exit(17)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def n_calls(work: Callable[[], None]) -> int:
    """System calls of `work`, counted on a run without faults."""
    with interposed(-1, None) as interposer:
        work()
    return len(interposer.seen)


ERRORS = {code: os.strerror(code) for code in (errno.EIO, errno.ENOSPC)}
