"""The tiny task of jobs/, known here and to the processes that are spawned from here."""

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from marslab.lab.ablation import Study, pool, tasks
from marslab.lab.ablation.plan import Job
from marslab.lab.ablation.run import run
from marslab.lab.ablation.tasks import Task

JOBS = Path(__file__).parent / "jobs"


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.syspath_prepend(JOBS)  # a spawned process gets this path too
    task = importlib.import_module("tiny_tasks").TASK
    tasks._registered.pop("tiny", None)  # the first import did that for good
    monkeypatch.setitem(tasks._registered, "tiny", task)
    return task


@pytest.fixture
def study(tiny: Task) -> Callable[..., Study]:
    """A study of the tiny task: study({"task.width": [1, 2]}, seeds=(0,))."""

    def made(grid: dict[str, list[Any]], **fields: Any) -> Study:
        return Study(**{"study": "tiny-study", "task": tiny.name, "grid": grid} | fields)

    return made


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs are done in this process; the list tells which."""
    seen: list[str] = []

    def run_here(jobs: Iterable[Job], workers: int, tell: pool.Tell) -> None:
        for job in jobs:
            seen.append(f"{job.variant} {job.seed}")
            tell(run(job))

    monkeypatch.setattr(pool, "run_here", run_here)
    return seen
