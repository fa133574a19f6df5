"""A crew: each failure is that of its own item, and the others go on."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from marslab.crew import Crew, Ended, Order
from marslab.workers import WorkerDied, WorkerError

FORGETFUL = """
from marslab.crew import Crew, Order
print(next(Crew(abs).work([Order(0, -3)], 1)).result)
"""
JOBS = Path(__file__).parent / "jobs"


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(JOBS)
    return importlib.import_module("jobs")


@pytest.fixture
def crew(jobs: Any) -> Iterator[Crew]:
    made = Crew(jobs.act)
    yield made
    made.rest()


@pytest.mark.slow
def test_each_failure_is_that_of_its_own_item(crew: Crew) -> None:
    acts = ["fine", "die", "raise", "sleep", "fine"]
    orders = (Order(key, act, 1.0 if act == "sleep" else None) for key, act in enumerate(acts))
    found = {ended.key: ended for ended in crew.work(orders, 2)}
    assert [found[key].result for key in (0, 4)] == ["done", "done"]
    assert isinstance(found[1].error, WorkerDied) and isinstance(found[2].error, WorkerError)
    assert "KeyError: 'five'" in str(found[2].error)
    assert str(found[3].error) == "it took longer than 1 s and was stopped"
    assert len(found) == 5


@pytest.mark.slow
def test_an_item_may_start_workers_itself(crew: Crew) -> None:
    assert list(crew.work([Order("a", "start workers")], 1)) == [Ended("a", [1, 2])]


@pytest.mark.slow
def test_whoever_waits_is_asked_and_can_end_it(crew: Crew) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(crew.work([Order("a", "sleep")], 1, stop))


@pytest.mark.slow
def test_a_crew_that_nobody_ended_does_not_keep_the_program() -> None:
    command = [sys.executable, "-c", FORGETFUL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout.strip()) == (0, "3"), done.stderr
