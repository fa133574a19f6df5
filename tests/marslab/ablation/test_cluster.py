"""Dask: a cluster inside this process shows what is asked of it and what comes of its failures."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from marslab import workers
from marslab.errors import UserError
from marslab.lab.ablation import RunRecord, Study, cluster
from marslab.lab.ablation.ablate import ablate
from marslab.lab.ablation.plan import Job
from marslab.lab.ablation.run import run

distributed = pytest.importorskip("distributed", reason="pip install 'marslab[cluster]'")
Made = Callable[..., Study]


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in workers.THREAD_VARIABLES:
        monkeypatch.setenv(name, "2")
    threads = torch.get_num_threads()
    options = {"dashboard_address": None, "host": "127.0.0.1", "protocol": "tcp"}
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, **options
    ) as made:
        yield made.scheduler_address
    torch.set_num_threads(threads)


def test_a_cluster_that_is_there_does_the_runs(study: Made, scheduler: str) -> None:
    grid = {"task.act": ["score", "raise", "loop", "exit"]}
    made = study(grid, seeds=(0,), budget={"seconds": 0.3})
    results = ablate(made, scheduler=scheduler)
    assert [run.error for run in results.runs] == [
        None,
        "ArithmeticError: a sum that fails",
        "it took longer than budget.seconds = 0.3 s",  # not in the main thread
        "SystemExit: enough",
    ]
    assert results.runs[0].machine["threads"] == "1"
    assert results.runs[0].metrics["score"] is not None


def dies(times: dict[str, int]) -> Callable[[Job], RunRecord]:
    """A run whose process dies so many times for a variant, as Dask tells it."""

    def lost(job: Job) -> RunRecord:
        assert threading.current_thread() is not threading.main_thread()
        if times.get(job.variant, 0):
            times[job.variant] -= 1
            raise distributed.KilledWorker(job.id, SimpleNamespace(address="tcp://gone"), 0)
        return run(job)

    return lost


def test_a_run_whose_worker_died_is_tried_once_more(
    study: Made, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def own(processes: int, address: str | None) -> Iterator[Any]:
        with distributed.Client(scheduler) as client:
            yield client

    monkeypatch.setattr(cluster, "_client", own)
    monkeypatch.setattr(cluster, "run", dies({"baseline": 1, "task.width=2": 9}))
    results = ablate(study({"task.width": [1, 2, 3]}, seeds=(0,)), dask=1)
    assert [(run.status, run.error) for run in results.runs] == [
        ("done", None),
        ("failed", "the process died, and again elsewhere"),
        ("done", None),
    ]


def test_what_a_cluster_cannot_run_is_that_runs_failure(
    study: Made, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def foreign(job: Job) -> RunRecord:
        raise ModuleNotFoundError("No module named 'marslab'")

    monkeypatch.setattr(cluster, "run", foreign)
    results = ablate(study({"task.width": [1]}, seeds=(0,)), scheduler=scheduler)
    assert results.runs[0].error == "ModuleNotFoundError: No module named 'marslab'"


def test_an_address_without_a_scheduler_is_told(
    study: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT", 0.2)
    for address in ("tcp://127.0.0.1:9", "nonsense::"):
        with pytest.raises(UserError, match=f"no Dask scheduler answers at {address}: start one"):
            ablate(study({"task.width": [1]}, seeds=(0,)), scheduler=address)
