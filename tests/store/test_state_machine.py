"""Any sequence of put, get, kill, failing disk, compact, gc, clear and reopen: what was committed is there, and right."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path

import store_faults as faults
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from store_faults import held, open_store, put

from featx.errors import StoreError
from featx.features.store.maintenance import clear, compact, gc, verify

TEXTS = [f"text {i}" for i in range(12)]
SOME = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6, unique=True)


class StoreMachine(RuleBasedStateMachine):
    """`committed` must be there; `perhaps` may be: a killed put leaves all of its texts or none."""

    @initialize()
    def begin(self) -> None:
        self.cache = Path(tempfile.mkdtemp(prefix="featx-machine-"))
        self.store = open_store(self.cache)
        self.committed: set[str] = set()
        self.perhaps: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "cache"):
            shutil.rmtree(self.cache)

    @rule(texts=SOME)
    def put(self, texts: list[str]) -> None:
        put(self.store, texts)
        self.committed |= set(texts)

    @rule(texts=SOME, at=st.integers(0, 30), action=st.sampled_from([faults.kill_before, faults.kill_half]))
    def killed_put(self, texts: list[str], at: int, action: object) -> None:
        def work() -> None:
            store = open_store(self.cache)
            with faults.interposed(at, action):
                put(store, texts)

        faults.in_child(work)
        self.perhaps |= set(texts)

    @rule(texts=SOME, at=st.integers(0, 30), code=st.sampled_from([errno.EIO, errno.ENOSPC]))
    def failing_put(self, texts: list[str], at: int, code: int) -> None:
        try:
            with faults.interposed(at, faults.fail_with(code)):
                put(self.store, texts)
            self.committed |= set(texts)
        except StoreError:
            self.perhaps |= set(texts)

    @rule(at=st.integers(0, 30))
    def killed_compaction(self, at: int) -> None:
        def work() -> None:
            with faults.interposed(at, faults.kill_half):
                compact(self.cache)

        faults.in_child(work)
        self.reopen()

    @rule()
    def compact(self) -> None:
        compact(self.cache)
        self.reopen()

    @rule()
    def collect(self) -> None:
        gc(self.cache, older_than_seconds=3600)

    @rule()
    def clear(self) -> None:
        clear(self.cache)
        self.committed, self.perhaps = set(), set()
        self.reopen()

    @rule()
    def reopen(self) -> None:
        self.store = open_store(self.cache)

    @invariant()
    def committed_texts_are_there_and_right(self) -> None:
        if not hasattr(self, "cache"):
            return
        assert self.committed <= set(held(self.store, TEXTS))
        there = set(held(open_store(self.cache), TEXTS))
        assert self.committed <= there <= self.committed | self.perhaps
        assert verify(self.cache) == []


TestStore = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
