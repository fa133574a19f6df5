"""A small machine to measure on, and reports made by hand."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from marslab.kernels import roofline
from marslab.kernels.linear_scan.work import cost
from marslab.lab.bench import timing
from marslab.lab.bench.cases import Case, Goal, Size
from marslab.lab.bench.ops import linear_scan
from marslab.lab.bench.report import Absent, Figure, Report, Row


class FakeClock:
    """A stopwatch that never looks at a clock: a call says itself how long it took."""

    def __init__(self) -> None:
        self.order: list[object] = []

    def __call__(self, call: Callable[[], object]) -> Callable[[], float]:
        name, seconds = call()  # pyright: ignore[reportGeneralTypeIssues]
        self.order.append(name)
        return lambda: seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny sizes and few runs: the paths are those of a real run, the figures mean nothing."""
    monkeypatch.setattr(roofline, "STREAM_BYTES", {"cpu": 4096, "cuda": 4096})
    monkeypatch.setattr(roofline, "_stream", lambda device: 1e9)
    monkeypatch.setattr(roofline, "_matmul_rate", lambda device, dtype: 1e12)
    quick = (Size((2, 32, 4)), Size((1, 32, 4), "bfloat16"))
    sizes = {**linear_scan.OP.sizes, "quick": quick}
    monkeypatch.setattr(linear_scan, "OP", replace(linear_scan.OP, sizes=sizes))
    monkeypatch.setattr(timing, "WARM_UP", 1)


@pytest.fixture
def case() -> Case:
    return Case("linear_scan", {"B": 4, "L": 4096, "D": 1024}, "float32", "fwd")


@pytest.fixture
def report(case: Case) -> Report:
    moved = cost((4, 4096, 1024), 4).bytes
    figures = [
        Figure("numba", "ours", 10.0, 9.5, 11.0, 30, moved, 1e-7),
        Figure("torch", "ours", 40.0, 39.0, 41.0, 30, moved, 2e-7, 1024, "two loops"),
        Figure("numpy <loop>", "peer", 80.0, 79.0, 82.0, 12, moved, 1e-7),
        Figure("torch.add", "yardstick", 9.0, 8.9, 9.2, 30, 3 * 4 * 4096 * 1024 * 4),
    ]
    gone = Absent("scipy lfilter", "peer", "not installed: pip install scipy")
    row = Row(case, 5.0, "memory", [Goal(speed=0.9, beside="torch.add")], figures, [gone])
    about = {"date": "2026-01-02T03:04:05Z", "machine": "a <b> machine", "stream_gb_s": 40.0}
    return Report(["linear_scan"], "cpu", {**about, "cores": 2}, [row])


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA's cases, backends and peers, on CPU tensors."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(
        timing,
        "bed",
        lambda name: timing.Bed(name, torch.device("cpu"), roofline.watch, lambda call: 4096),
    )
