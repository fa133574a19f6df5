"""Worker processes: in order, one thread each, errors told, and none left behind."""

import importlib
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from marslab import workers
from marslab.kernels import linear_scan
from marslab.workers import WorkerError, run

JOBS = Path(__file__).parent / "jobs"


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(JOBS)  # a spawned process gets this path too
    return importlib.import_module("jobs")


def test_no_items_need_no_process() -> None:
    assert run(abs, []) == []


@pytest.mark.slow
def test_results_stand_in_the_order_of_the_items(jobs: Any) -> None:
    seen = []
    results = run(
        jobs.slow_when_early, range(4), workers=2, on_result=lambda at, r: seen.append((at, r))
    )
    assert results == [0, 1, 4, 9]
    assert sorted(seen) == [(0, 0), (1, 1), (2, 4), (3, 9)]


@pytest.mark.slow
def test_workers_run_kernels_on_one_thread_after_a_kernel_ran_here(jobs: Any) -> None:
    one = torch.ones(4, 64, 64)
    linear_scan(one, one, backend="numba")
    assert run(jobs.threads_and_scan, [3, 5], workers=1) == [(1, 1, 3.0), (1, 1, 5.0)]


@pytest.mark.slow
def test_a_failure_names_the_item_and_keeps_the_traceback(jobs: Any) -> None:
    with pytest.raises(WorkerError) as error:
        run(jobs.fail_at_one, range(3), workers=1)
    sentence = "item 1: MissingExtra: triton is not installed: pip install 'marslab[gpu]'"
    assert str(error.value) == sentence
    assert error.value.index == 1
    assert "fail_at_one" in error.value.trace


@pytest.mark.slow
def test_a_worker_that_dies_is_told(jobs: Any) -> None:
    with pytest.raises(WorkerError, match="item 0: a worker process died before it was done"):
        run(jobs.die, [3])


@pytest.mark.slow
def test_a_result_that_cannot_be_sent_is_told(jobs: Any) -> None:
    with pytest.raises(WorkerError, match="item 0: .*make_a_function"):
        run(jobs.make_a_function, [3])


def test_a_failure_of_a_builtin_is_told() -> None:
    with pytest.raises(WorkerError, match="item 1: TypeError: bad operand type for abs"):
        run(abs, [1, "x"], workers=1)


def test_a_timeout_stops_the_workers() -> None:
    before = set(psutil.Process().children())
    with pytest.raises(TimeoutError, match="0 of 1 items were done after 0.5 s; allow more time"):
        run(time.sleep, [600], timeout=0.5)
    assert gone(set(psutil.Process().children()) - before)


@pytest.mark.slow
def test_ctrl_c_stops_the_workers(jobs: Any) -> None:
    pids = []

    def interrupt(_: int, pid: int) -> None:
        pids.append(pid)
        raise KeyboardInterrupt

    before = set(psutil.Process().children())
    with pytest.raises(KeyboardInterrupt):
        run(jobs.pid_then_sleep, [0, 1, 1], workers=2, on_result=interrupt)
    assert len(pids) == 1
    assert gone(
        {p for p in psutil.Process().children() if "spawn_main" in str(command(p))} - before
    )


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "worker"
    code = f"import jobs; jobs.sleep_in_two_workers({str(mark)!r})"
    main = "if __name__ == '__main__': " + code
    parent = subprocess.Popen([sys.executable, "-c", main], cwd=JOBS)
    try:
        while len(list(tmp_path.glob("worker.*"))) < 2:
            assert parent.poll() is None
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
    pids = [int(p.suffix[1:]) for p in tmp_path.glob("worker.*")]
    assert gone({psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)})


def gone(processes: set[psutil.Process]) -> bool:
    """Whether they end; waits for those that are ending."""
    return not psutil.wait_procs(processes, timeout=60)[1]


def command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize("function", [lambda x: x, partial(abs)])
def test_a_function_without_a_name_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match="define the function at the top of a module and import it"):
        run(function, [1])


def test_a_function_of_an_interactive_session_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def mine(x: int) -> int:
        return x

    mine.__qualname__, mine.__module__ = "mine", "__main__"
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    with pytest.raises(TypeError, match="mine cannot be found by name in a fresh process"):
        run(mine, [1])


def test_the_number_of_workers_is_checked() -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        run(abs, [1], workers=0)
    assert workers.cores() >= 1
