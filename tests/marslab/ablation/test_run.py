"""One run: what it records, and that nothing gets out of it."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from marslab.errors import UserError
from marslab.kernels import backends
from marslab.lab.ablation import RunRecord, Study
from marslab.lab.ablation.fingerprint import code
from marslab.lab.ablation.limits import OutOfTime, time_limit
from marslab.lab.ablation.plan import plan
from marslab.lab.ablation.run import run
from marslab.lab.ablation.study import from_values

Made = Callable[..., Study]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As a worker works; threads that wait for each other are slow on a busy machine."""
    import numba

    threads = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    yield
    torch.set_num_threads(threads[0])
    numba.set_num_threads(threads[1])


def one(made: Study, at: int = 0) -> RunRecord:
    return run(plan(made).jobs[at])


def test_a_run_records_what_it_found(study: Made) -> None:
    record = one(study({"task.width": [1, 2]}, seeds=(5,)), at=1)
    assert (record.status, record.variant, record.seed) == ("done", "task.width=2", 5)
    assert record.changes == {"task.width": 2}
    torch.manual_seed(5)
    assert record.metrics == {"score": torch.randn(2000).cumsum(0).sin().mean().item(), "cost": 4}
    assert record.curve == [[1.0, 0.0], [2.0, record.metrics["score"]]]
    assert record.code == code() and record.machine["torch"] and record.date.endswith("+00:00")
    assert record.error is record.trace is None


def test_a_figure_that_is_no_number_is_none(study: Made) -> None:
    record = one(study({"task.act": ["nan"]}))
    assert record.status == "done" and record.metrics == {"score": None, "cost": 2.0}
    assert record.curve[-1] == [2.0, None]
    assert '"score": null' in record.to_json()


def test_what_a_task_raises_becomes_its_record(study: Made) -> None:
    record = one(study({"task.act": ["raise"]}))
    assert (record.status, record.metrics) == ("failed", {})
    assert record.error == "ArithmeticError: a sum that fails"
    assert record.trace is not None and "misbehave" in record.trace


def test_a_task_that_exits_fails_alone(study: Made) -> None:
    assert one(study({"task.act": ["exit"]})).error == "SystemExit: enough"


def test_a_run_without_end_is_ended(study: Made) -> None:
    record = one(study({"task.act": ["loop"]}, budget={"seconds": 0.05}))
    assert record.error == "it took longer than budget.seconds = 0.05 s"
    assert record.trace is not None and "misbehave" in record.trace


def test_a_limit_that_is_not_reached_leaves_nothing_behind() -> None:
    with time_limit(0.02):
        pass
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        pass


def test_a_limit_is_not_swallowed_on_its_way() -> None:
    with pytest.raises(OutOfTime), time_limit(0.02):
        while True:
            try:
                time.sleep(0.001)
            except Exception:
                pass


def digits(**budget: Any) -> Study:
    values = {"study": "d", "preset": "digits-scan", "grid": {"ssm.d_state": [8, 1]}}
    return from_values(values | {"budget": budget, "seeds": [3]}, "d")


@pytest.mark.usefixtures("one_thread")
def test_digits_learns_and_what_ran_before_changes_nothing() -> None:
    job = plan(digits(epochs=1)).jobs[0]
    first = run(job)
    held_out = first.metrics["held_out"]
    assert held_out is not None and held_out > 0.3  # one in ten by chance
    assert first.curve == [[1, held_out]] and first.parameters > 1000
    unprepared = run(dataclasses.replace(job, prepare=lambda trial: None))
    assert unprepared.metrics == first.metrics and unprepared.curve == first.curve


@pytest.mark.usefixtures("one_thread")
def test_the_backend_of_digits_is_the_one_asked_for() -> None:
    seen = set()
    token = backends.observer.set(lambda op, backend: seen.add(backend))
    try:
        assert one(digits(epochs=1, backend="torch"), at=1).status == "done"
    finally:
        backends.observer.reset(token)
    assert seen == {"torch"}


def test_scan_compares_the_backends() -> None:
    grid = {"task.backend": ["naive", "torch", "numba"], "task.dtype": ["float64", "float32"]}
    values = {"study": "s", "task": "scan", "grid": grid, "mode": "product", "seeds": [0]}
    made = from_values(values | {"budget": {"length": 64, "width": 3, "batch": 2}}, "s")
    for job in plan(made).jobs:
        record = run(job)
        assert record.status == "done", record.trace
        error, ms = record.metrics["error"], record.metrics["ms"]
        assert error is not None and ms is not None and ms > 0
        wide = job.settings.dtype == "float64"
        assert 0 <= error < 1e-13 if wide else 1e-9 < error < 1e-5


def test_a_backend_that_the_task_does_not_know_is_told() -> None:
    with pytest.raises(UserError, match="backend should be 'auto', 'naive', 'torch' or 'numba'"):
        plan(digits(backend="triton"))
