"""Work spread over processes, one BLAS thread each; or done here, where that is quicker or asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, TypeVar

from featx.errors import TrainingError

#: Below this many fits starting processes takes longer than it saves.
_WORTH_PROCESSES = 40
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Workers:
    """Where work is done.

    Attributes
    ----------
    jobs : int
        Processes; 1 does the work in this one, unless there is a time limit that it could not keep.
    time_limit : float or None
        Seconds for each call of `map`.
    """

    jobs: int = 1
    time_limit: float | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether work goes to other processes."""
        return self.jobs > 1 or self.time_limit is not None

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Results of `function`, as they are done.

        Raises
        ------
        TrainingError
            If time runs out, or a process dies; nothing of the work goes on then.
        """
        if not self.elsewhere:
            for task in tasks:
                yield task, function(task)
            return
        yield from self._map_elsewhere(function, tasks)

    def _map_elsewhere(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        from joblib.externals.loky import get_reusable_executor
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        executor = get_reusable_executor(max_workers=self.jobs, timeout=300, env=_ONE_THREAD)
        # Once one answers they are up: the limit is for the work, and a pool that is still starting dies uncleanly.
        executor.submit(int).result()
        started = time.perf_counter()
        of_future: dict[Future[Result], Task] = {executor.submit(function, task): task for task in tasks}
        waiting: set[Future[Result]] = set(of_future)
        try:
            while waiting:
                left = None if self.time_limit is None else started + self.time_limit - time.perf_counter()
                done, waiting = wait(
                    waiting, timeout=None if left is None else max(0.0, left), return_when=FIRST_COMPLETED
                )
                if not done:
                    raise TrainingError(f"out of time after {self.time_limit:g} s; raise --time-limit")
                for future in done:
                    yield of_future[future], future.result()
        except TerminatedWorkerError as e:
            raise TrainingError("a process died, most likely for want of memory; lower --jobs") from e
        finally:
            if waiting:
                executor.shutdown(wait=True, kill_workers=True)


def enough_workers(jobs: int | None, n_fits: int, time_limit: float | None = None) -> Workers:
    """Workers for `n_fits`: all cores where that many are worth it, `jobs` where that is given."""
    from joblib import cpu_count

    if jobs is None:
        jobs = int(cpu_count()) if n_fits >= _WORTH_PROCESSES else 1
    return Workers(jobs, time_limit)


def stop_workers() -> None:
    """End idle processes; the next work starts new ones."""
    from joblib.externals.loky import get_reusable_executor

    executor: Any = get_reusable_executor()
    executor.shutdown(wait=True)
