"""Work spread over processes, one BLAS thread each; or done here, where that is quicker or asked for."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from types import TracebackType
from typing import Any, TypeVar

from featx.errors import TrainingError

#: Below this many fits starting processes takes longer than it saves.
_WORTH_PROCESSES = 40
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

#: Seconds between looks at whether the parent is there still.
_WATCH_SECONDS = 0.5

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """Where work is done; processes start with the first of it and end with the context.

    Parameters
    ----------
    jobs : int
        Processes; 1 does the work in this one, unless there is a time limit that it could not keep.
    time_limit : float, optional
        Seconds from `restart_clock` on, for all calls of `map` together.
    """

    def __init__(self, jobs: int = 1, time_limit: float | None = None) -> None:
        self.jobs, self.time_limit = jobs, time_limit
        self._executor: Any = None
        self._started_at: float | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop(kill=kind is not None)

    @property
    def elsewhere(self) -> bool:
        """Whether work goes to other processes."""
        return self.jobs > 1 or self.time_limit is not None

    def restart_clock(self) -> None:
        """Give the next work the whole time limit; its clock starts once the processes are up."""
        self._started_at = None

    def map(self, function: Callable[[Item], Result], tasks: Sequence[Item]) -> Iterator[tuple[Item, Result]]:
        """Results of `function`, as they are done.

        Raises
        ------
        TrainingError
            If time runs out, or a process dies; nothing of the work goes on then.
        """
        if not self.elsewhere or (len(tasks) == 1 and self.time_limit is None):
            for task in tasks:  # one piece of work alone is done here, with all threads of BLAS
                yield task, function(task)
            return
        waiting: set[Future[Result]] = set()
        try:
            executor = self._started()
            self._started_at = self._started_at or time.perf_counter()
            of_future: dict[Future[Result], Item] = {executor.submit(function, task): task for task in tasks}
            waiting = set(of_future)
            while waiting:
                done, waiting = wait(waiting, timeout=self._left(self._started_at), return_when=FIRST_COMPLETED)
                if not done:
                    raise TrainingError(f"out of time after {self.time_limit:g} s; raise `time_limit`")
                for future in done:
                    yield of_future[future], future.result()
        except BrokenExecutor as e:
            self._stop(kill=True)
            raise TrainingError("a process died, most likely for lack of memory; lower `jobs`") from e
        finally:
            if waiting:
                self._stop(kill=True)

    def _left(self, started: float) -> float | None:
        return None if self.time_limit is None else max(0.0, started + self.time_limit - time.perf_counter())

    def _started(self) -> Any:
        """Processes of our own: loky's shared pool would meet joblib's in a program that uses both."""
        from joblib.externals.loky import ProcessPoolExecutor

        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                max_workers=self.jobs, env=_ONE_THREAD, initializer=_end_with, initargs=(os.getpid(),)
            )
            # Once they answer they are up, with what they import: the limit is for the work, and a pool that is still
            # starting dies uncleanly.
            wait([self._executor.submit(_warm_up) for _ in range(self.jobs)])
        return self._executor

    def _stop(self, kill: bool) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=kill)
            self._executor = None


def _end_with(parent: int) -> None:
    """Let this process end as soon as its parent has, however that ended: SIGKILL tells nobody."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    if os.name == "posix":  # elsewhere the number of the parent stays what it was
        threading.Thread(target=watch, daemon=True, name="featx-parent-watch").start()


def _warm_up() -> None:
    """Import what fits need, slowly enough that each process gets one of these."""
    import sklearn.linear_model
    import sklearn.pipeline  # noqa: F401

    time.sleep(0.1)


def enough_workers(jobs: int | None, n_fits: int, time_limit: float | None = None) -> Workers:
    """Workers for `n_fits`: all cores where that many are worth it, `jobs` where that is given."""
    from joblib import cpu_count

    if jobs is None:
        jobs = int(cpu_count()) if n_fits >= _WORTH_PROCESSES else 1
    return Workers(jobs, time_limit)
