"""Runs on a Dask cluster: one of our own on this machine, or one that is there already."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from marslab.errors import MissingExtra, UserError
from marslab.lab.ablation.plan import Job
from marslab.lab.ablation.pool import Tell
from marslab.lab.ablation.run import record, run
from marslab.lab.ablation.store import RunRecord
from marslab.workers import one_thread

if TYPE_CHECKING:
    from distributed import Client

CONNECT = 10.0  # seconds to wait for a scheduler


def run_on_dask(jobs: Iterable[Job], *, processes: int, address: str | None, tell: Tell) -> None:
    """Do all jobs on the cluster at `address`, else on one of `processes` processes made here.

    A run whose worker died is tried once more when all others are done, alone; a cluster that is
    there has its own rule for that. A time limit ends a run between two steps of Python only.

    Errors:
        MissingExtra: distributed is not installed
        UserError: no scheduler answers at `address`, or it went away
    """
    with _client(processes, address) as client:
        died = _work(client, list(jobs), tell)
        if address is None:
            died = [lost for job in died for lost in _work(client, [job], tell)]
        for job in died:
            tell(record(job, status="failed", error="the process died, and again elsewhere"))


def on_a_dask_worker(job: Job) -> RunRecord:
    """Do one run in a thread of a Dask worker, with the threads that our own workers have."""
    one_thread()
    return run(job)


def _work(client: "Client", jobs: list[Job], tell: Tell) -> list[Job]:
    """Do the jobs; return those whose process died."""
    from distributed import KilledWorker, as_completed

    futures = {client.submit(on_a_dask_worker, job, pure=False): job for job in jobs}
    died = []
    try:
        for future in as_completed(futures):
            job = futures[future]
            if future.status == "finished":
                tell(future.result())
            elif future.status == "error":
                error: Any = future.exception()
                if isinstance(error, KilledWorker):
                    died.append(job)
                else:
                    told = f"{type(error).__name__}: {' '.join(str(error).split())}"
                    tell(record(job, status="failed", error=told))
            else:
                raise UserError(
                    "the Dask cluster went away; what is done is kept: "
                    "start it and run the study again"
                )
    finally:
        client.cancel(list(futures))
    return died


@contextmanager
def _client(processes: int, address: str | None) -> Iterator["Client"]:
    try:
        import dask.config
        from distributed import Client, LocalCluster
    except ImportError as problem:
        raise MissingExtra("cluster", "distributed") from problem
    if address is not None:
        with _connected(address) as client:
            yield client
        return
    options: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": None}
    options |= {"processes": True, "threads_per_worker": 1, "silence_logs": logging.CRITICAL}
    with (
        # To try a run once more, alone, is our own rule: Dask itself tries none twice.
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=processes, **options) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def _connected(address: str) -> Iterator["Client"]:
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT)
    except (OSError, ValueError) as problem:
        raise UserError(
            f"no Dask scheduler answers at {address}: start one with `dask scheduler`, "
            "or let marslab make a cluster here with --dask 2"
        ) from problem
    with client:
        yield client
