"""One worker: it works on what it is given, says what failed, and dies alone."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from marslab.workers import Worker, WorkerDied, WorkerError, ready

JOBS = Path(__file__).parent / "jobs"
PATIENCE = 300.0  # seconds; a limit for what hangs


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(JOBS)
    return importlib.import_module("jobs")


@pytest.fixture
def made() -> Iterator[list[Worker]]:
    workers: list[Worker] = []
    yield workers
    for worker in workers:
        worker.stop()


def take(worker: Worker, item: Any) -> Any:
    worker.give(item)
    while not ready([worker], PATIENCE):
        pass
    return worker.take()


def test_a_worker_works_on_one_item_after_the_other(made: list[Worker]) -> None:
    made.append(worker := Worker(abs))
    assert not worker.awake
    assert [take(worker, -1), take(worker, 2)] == [1, 2]
    assert worker.awake
    with pytest.raises(WorkerError, match="TypeError: bad operand type for abs"):
        take(worker, "x")
    assert take(worker, -3) == 3


@pytest.mark.slow
def test_a_worker_that_dies_is_told_and_the_other_goes_on(made: list[Worker], jobs: Any) -> None:
    made += [Worker(jobs.die), Worker(jobs.slow_when_early)]
    with pytest.raises(WorkerDied, match=r"the process died \(exit code 7\)") as died:
        take(made[0], 7)
    assert died.value.awake
    made[0].give(1)  # a dead one hears nothing, and says so again
    with pytest.raises(WorkerDied):
        made[0].take()
    assert take(made[1], 3) == 9


@pytest.mark.slow
def test_a_result_that_cannot_be_sent_is_told(made: list[Worker], jobs: Any) -> None:
    made.append(worker := Worker(jobs.make_a_function))
    with pytest.raises(WorkerError, match="make_a_function"):
        take(worker, 1)
    worker.stop()
    assert not ready([], 0)


def test_a_function_without_a_name_is_refused() -> None:
    with pytest.raises(TypeError, match="define the function at the top of a module"):
        Worker(lambda x: x)
