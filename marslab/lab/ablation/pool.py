"""Runs on the cores of this machine, each failure kept to its own run."""

import time
from collections.abc import Callable, Iterable, Iterator

from marslab.errors import UserError
from marslab.lab.ablation.plan import Job
from marslab.lab.ablation.run import record, run
from marslab.lab.ablation.store import RunRecord
from marslab.workers import Worker, WorkerDied, WorkerError, ready

# Seconds beyond budget.seconds before the process of a run is ended from outside: a worker ends
# its own Python in time, and what it loads and compiles at the start does not count.
GRACE = 300.0
Tell = Callable[[RunRecord], None]


def run_here(jobs: Iterable[Job], workers: int, tell: Tell, grace: float = GRACE) -> None:
    """Do all jobs on `workers` processes; `tell` gets the record of each as it ends.

    A run whose process dies (killed, out of memory, os._exit) is tried once more when all others
    are done, alone, and is recorded as failed when its process dies again.

    Errors:
        UserError: no process comes up at all
    """
    crew = _Crew(workers, tell, grace)
    try:
        crew.work(iter(jobs))
        crew.size, again, crew.died = 1, crew.died, []
        for job, _ in again:
            crew.rest()  # a process of its own, with all the memory
            crew.work(iter([job]))
        for job, died in crew.died:
            tell(record(job, status="failed", error=f"{died}, twice"))
    finally:
        crew.rest()


class _Crew:
    """The worker processes, what each is doing, and the runs whose process died."""

    def __init__(self, size: int, tell: Tell, grace: float) -> None:
        self.size, self.tell, self.grace = size, tell, grace
        self.busy: dict[Worker, tuple[Job, float]] = {}
        self.idle: list[Worker] = []
        self.died: list[tuple[Job, WorkerDied]] = []
        self.awake = False  # whether any process ever came up

    def work(self, jobs: Iterator[Job]) -> None:
        """Do the jobs, as many at a time as there are workers."""
        while True:
            while len(self.busy) < self.size and (job := next(jobs, None)) is not None:
                worker = self.idle.pop() if self.idle else Worker(run)
                self.busy[worker] = (job, self._deadline(job))
                worker.give(job)
            if not self.busy:
                return
            for worker in ready(self.busy, self._patience()):
                self._settle(worker)
            self._end_the_late()

    def rest(self) -> None:
        """End all processes."""
        for worker in (*self.busy, *self.idle):
            worker.stop()
        self.busy, self.idle = {}, []

    def _deadline(self, job: Job) -> float:
        return time.monotonic() + (
            float("inf") if job.seconds is None else job.seconds + self.grace
        )

    def _patience(self) -> float | None:
        first = min(deadline for _, deadline in self.busy.values())
        return None if first == float("inf") else max(0.0, first - time.monotonic())

    def _settle(self, worker: Worker) -> None:
        job, _ = self.busy.pop(worker)
        try:
            found = worker.take()
        except WorkerDied as died:
            worker.stop()
            self._lost(job, died)
            return
        except WorkerError as error:
            found = record(job, status="failed", error=str(error), trace=error.trace)
        self.awake = True
        self.idle.append(worker)
        self.tell(found)

    def _lost(self, job: Job, died: WorkerDied) -> None:
        self.awake = self.awake or died.awake
        if not self.awake:
            raise UserError(
                f"no worker comes up, {died}: there is too little memory, or a script calls "
                "ablate outside of `if __name__ == '__main__':`"
            )
        self.died.append((job, died))

    def _end_the_late(self) -> None:
        now = time.monotonic()
        for worker, (job, deadline) in list(self.busy.items()):
            if now >= deadline:
                del self.busy[worker]
                worker.stop()
                error = f"it took longer than budget.seconds = {job.seconds:g} s and was killed"
                self.tell(record(job, status="failed", error=error))
