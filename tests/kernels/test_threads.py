"""Kernels called from several Python threads, and in spawned processes after they ran here."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import pytest
import torch

from marslab import workers
from marslab.kernels import linear_scan, threads, use
from marslab.kernels.linear_scan.work import draw

HERD = 4
CALLS = 1000

# A machine with neither OpenMP nor TBB: numba's own pool, which aborts when entered twice at once.
WORKQUEUE = f"""
import sys
sys.modules["numba.np.ufunc.omppool"] = sys.modules["numba.np.ufunc.tbbpool"] = None
from concurrent.futures import ThreadPoolExecutor
import numba, torch
from marslab.kernels import linear_scan, threads
threads.WORTH_WAKING = 0
a = torch.rand(8, 20, 64)
expected = linear_scan(a, a)
def same(_):
    return all(torch.equal(linear_scan(a, a), expected) for _ in range({CALLS}))
with ThreadPoolExecutor({HERD}) as pool:
    assert all(pool.map(same, range({HERD})))
print(threads.LAYER, numba.threading_layer())
"""


@pytest.fixture
def many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small work runs on all threads too: what is tested is their meeting."""
    monkeypatch.setattr(threads, "WORTH_WAKING", 0)


@pytest.mark.usefixtures("many_threads")
def test_four_threads_a_thousand_calls_each() -> None:
    inputs = [draw((4, 20, 64), torch.float32) for _ in range(HERD)]
    expected = [linear_scan(*args, backend="numba") for args in inputs]

    def same(i: int) -> bool:
        calls = (linear_scan(*inputs[i], backend="numba") for _ in range(CALLS))
        return all(torch.equal(h, expected[i]) for h in calls)

    with ThreadPoolExecutor(HERD) as pool:
        assert list(pool.map(same, range(HERD))) == [True] * HERD


@pytest.mark.usefixtures("many_threads")
def test_gradients_from_four_threads() -> None:
    def gradient(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        a = torch.rand((2, 20, 64), generator=generator, requires_grad=True)
        linear_scan(a, a.detach(), backend="numba").square().sum().backward()
        assert a.grad is not None
        return a.grad

    with ThreadPoolExecutor(HERD) as pool:
        together = list(pool.map(gradient, range(HERD)))
    for seed, mine in enumerate(together):
        assert torch.equal(mine, gradient(seed))


def test_a_preference_stays_in_its_thread() -> None:
    one = torch.ones(1, 2, 1)
    with use("triton"), ThreadPoolExecutor(1) as pool:
        assert torch.equal(pool.submit(linear_scan, one, one).result(), one.cumsum(1))


@pytest.mark.slow
def test_the_pool_that_must_not_be_entered_twice_is_locked() -> None:
    told = subprocess.run(
        [sys.executable, "-c", WORKQUEUE],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == ["workqueue", "workqueue"]


def test_the_layer_here_is_safe_or_locked() -> None:
    assert threads.LAYER in ("omp", "tbb", "workqueue")
    assert hasattr(threads._one_at_a_time, "locked") == (threads.LAYER == "workqueue")


def test_few_cells_wake_no_second_thread() -> None:
    before = numba.get_num_threads()
    with threads.entry(1):
        assert numba.get_num_threads() == 1
    with threads.entry(threads.WORTH_WAKING):
        assert numba.get_num_threads() == before
    assert numba.get_num_threads() == before


def scan(operands: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return linear_scan(*operands, backend="numba")


@pytest.mark.slow
def test_spawned_workers_run_kernels_after_one_ran_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where a worker finds `scan`
    a, b, _ = draw((2, 30, 64), torch.float32)
    operands = [(a, b), (a / 2, b), (a / 3, b)]
    expected = [scan(pair) for pair in operands]
    got = workers.run(scan, operands, workers=2, timeout=240)
    assert len(got) == len(operands)
    for mine, its in zip(got, expected, strict=True):
        assert torch.equal(mine, its)


def test_torch_keeps_its_own_number_of_threads() -> None:
    """numba's first kernel sets OpenMP's number, which would be torch's too."""
    program = (
        "import torch; torch.set_num_threads(1)\n"
        "from marslab.kernels import linear_scan\n"
        "a = torch.ones(1, 2000, 64)\n"
        "linear_scan(a, a, backend='numba')\n"
        "print(torch.get_num_threads())"
    )
    around = {k: v for k, v in os.environ.items() if k != "NUMBA_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env=around, capture_output=True, text=True
    )
    assert done.stdout.strip() == "1", done.stderr
