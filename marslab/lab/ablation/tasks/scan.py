"""Run linear_scan on one backend: how far from the loop in float64, and how long it takes."""

import statistics
from dataclasses import dataclass
from typing import Literal

import torch

from marslab.kernels import linear_scan, testing
from marslab.kernels.linear_scan import work
from marslab.kernels.roofline import watch
from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.tasks import Outcome, Task, Trial

WARM_UP, REPEATS = 2, 7


@dataclass(frozen=True)
class ScanSettings:
    """The backend and the operands [batch, length, width], decays from -0.99 to 0.99.

    >>> ScanSettings(length=0)
    Traceback (most recent call last):
    ValueError: length must be positive, got 0
    """

    backend: Literal["naive", "torch", "numba"] = "numba"
    length: int = 1024
    width: int = 64
    batch: int = 4
    dtype: Literal["float64", "float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        for name in ("length", "width", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


def run(trial: Trial) -> Outcome:
    """Compare with the naive loop in float64 on the same operands, then time the forward pass."""
    plan: ScanSettings = trial.settings
    a, b, _ = work.draw((plan.batch, plan.length, plan.width), getattr(torch, plan.dtype))
    expected = linear_scan(a.double(), b.double(), backend="naive")

    def scan() -> torch.Tensor:
        return linear_scan(a, b, backend=plan.backend)

    off = testing.error(scan(), expected).l2
    for _ in range(WARM_UP):
        scan()
    seconds = statistics.median(watch(scan)() for _ in range(REPEATS))
    return Outcome({"error": off, "ms": 1e3 * seconds})


TASK = Task(
    "scan",
    "Run linear_scan on one backend",
    ScanSettings,
    (
        Metric("ms", "median time of a forward pass on one thread", False, "ms"),
        Metric("error", "relative error against the loop in float64", False),
    ),
    run,
    needs_preset=False,
    timed=True,
)
