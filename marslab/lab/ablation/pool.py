"""Runs on the cores of this machine, each failure kept to its own run."""

from collections.abc import Callable, Iterable

from marslab.crew import Crew, Ended, Order
from marslab.errors import UserError
from marslab.lab.ablation.plan import Job
from marslab.lab.ablation.run import record, run
from marslab.lab.ablation.store import RunRecord
from marslab.workers import WorkerDied, WorkerError

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
    crew, lost, awake = Crew(run), [], False
    try:
        for ended in crew.work((_order(job, grace) for job in jobs), workers):
            died = ended.error if isinstance(ended.error, WorkerDied) else None
            awake = awake or died is None or died.awake
            if not awake:
                raise UserError(f"no worker comes up: {died}")
            if died is None:
                tell(_record(ended))
            else:
                lost.append(ended.key)
        for job in lost:
            crew.rest()  # a process of its own, with all the memory
            for ended in crew.work([_order(job, grace)], 1):
                tell(_record(ended))
    finally:
        crew.rest()


def _order(job: Job, grace: float) -> Order:
    return Order(job, job, None if job.seconds is None else job.seconds + grace)


def _record(ended: Ended) -> RunRecord:
    """The record of a run that ended, its own or one that says what became of its process."""
    job, error = ended.key, ended.error
    if error is None:
        return ended.result
    if isinstance(error, WorkerDied):
        return record(job, status="failed", error=f"{error}, twice")
    if isinstance(error, WorkerError):
        return record(job, status="failed", error=str(error), trace=error.trace)
    told = f"it took longer than budget.seconds = {job.seconds:g} s and was killed"
    return record(job, status="failed", error=told)
