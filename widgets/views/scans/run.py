"""Running and timing an op for a setup; nothing here knows of a page."""

import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor

from marslab.kernels import roofline
from marslab.kernels.backends import observer
from marslab.kernels.testing import error
from marslab.widgets.frame import Say
from marslab.widgets.views.scans.registry import OPS, Given, ScanOp
from marslab.widgets.views.scans.setup import ScanSetup, obstacles

CHECKED_ELEMENTS, CHECKED_STEPS = 2**18, 4096  # what naive float64 does while a reader waits
RUNS, SECONDS = 9, 1.5  # for each backend: so many runs, or so long
GLANCE = (7, 0.05)  # the same, for the figure that stands beside every run
_measuring = threading.Lock()  # two measurements at once would disturb each other


class ScanResult(NamedTuple):
    """One run.

    Shapes (B batch, L length):
        h: the op's result, [B, L, ...] for a recurrence
        more: what the op's pictures need beside it

    Units:
        seconds: of one run, the median of a few
        error: max|h - naive in float64| / max|naive in float64|; None when it was not checked
    """

    setup: ScanSetup
    given: Given
    h: Tensor
    backend: str
    seconds: float
    error: float | None
    more: Any = None

    @property
    def op(self) -> ScanOp:
        """The operation that ran."""
        return OPS[self.setup.op]

    @property
    def operands(self) -> Any:
        """The tensors that it ran on, by name."""
        return self.given.operands


class Timings(NamedTuple):
    """What all backends took for one setup.

    Units:
        runs: seconds of each run; floor: seconds; bandwidth: bytes/s; peak: FLOP/s
    """

    setup: ScanSetup
    runs: dict[str, list[float]]
    skipped: dict[str, str]
    floor: float
    bandwidth: float
    peak: float


def quiet(_line: str) -> None:
    """Report progress to nobody."""


def run(setup: ScanSetup, say: Say = quiet) -> ScanResult:
    """Run the op on the backend that `setup` names, and compare it with the loop if that is quick.

    Errors:
        ValueError: the backend cannot run here or not at this size

    >>> run(ScanSetup(L=4, D=2, backend="torch")).h.shape
    torch.Size([1, 4, 2])
    """
    op = OPS[setup.op]
    _possible(setup, op)
    say("Making the input")
    given = op.operands(setup)
    say(f"Running {op.name} on {setup.backend}")
    h, chosen = _named(lambda: op.call(given.operands, setup, setup.backend))
    taken = _runs(_caller(op, given, setup, chosen), f"Timing {chosen}", say, GLANCE)
    say("Comparing with the loop in float64")
    off = _error(setup, op, given, h)
    return ScanResult(setup, given, h, chosen, median(taken), off, op.more(setup, given, h))


def time_backends(
    setup: ScanSetup, say: Say = quiet, runs: int = RUNS, seconds: float = SECONDS
) -> Timings:
    """Time every backend that can serve `setup`, and measure what the machine allows.

    Units:
        seconds: the longest that one backend may take for all its runs but the one that warms up
    """
    op = OPS[setup.op]
    while not _measuring.acquire(timeout=0.2):
        say("Waiting for the measurement of another page")
    try:
        say("Measuring the memory rate of this machine")
        bandwidth = roofline.stream(setup.device)
        say("Measuring the arithmetic rate of this machine")
        peak = roofline.matmul_rate(setup.device)
        given, why = op.operands(setup), obstacles(setup, op.backends)
        taken: dict[str, list[float]] = {}
        for name in (name for name, reason in why.items() if not reason):
            call = _caller(op, given, setup, name)
            say(f"Timing {name}: warming up")
            call()  # compiles, and touches the memory
            taken[name] = _runs(call, f"Timing {name}", say, (runs, seconds))
    finally:
        _measuring.release()
    skipped = {name: reason for name, reason in why.items() if reason}
    return Timings(setup, taken, skipped, op.cost(setup).bytes / bandwidth, bandwidth, peak)


def _caller(op: ScanOp, given: Given, setup: ScanSetup, name: str) -> Callable[[], float]:
    def call() -> float:
        return _seconds(lambda: op.call(given.operands, setup, name), setup.device)

    return call


def _runs(call: Callable[[], float], what: str, say: Say, budget: tuple[int, float]) -> list[float]:
    runs, seconds = budget
    taken: list[float] = []
    while len(taken) < runs and sum(taken) < seconds:
        say(f"{what}: run {len(taken) + 1} of {runs}")
        taken.append(call())
    return taken


def _seconds(call: Callable[[], object], device: str) -> float:
    began = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _possible(setup: ScanSetup, op: ScanOp) -> None:
    if setup.backend == "auto":
        return
    if setup.backend not in op.backends:
        raise ValueError(f"{op.name} has no backend {setup.backend!r}: it has {list(op.backends)}.")
    reason = obstacles(setup, op.backends)[setup.backend]
    if reason:
        raise ValueError(f"The backend {setup.backend} cannot run this: {reason}.")


def _named(call: Callable[[], Tensor]) -> tuple[Tensor, str]:
    """Call, and learn which backend was chosen."""
    told: list[str] = []
    token = observer.set(lambda _op, backend: told.append(backend))
    try:
        return call(), told[-1]
    finally:
        observer.reset(token)


def _error(setup: ScanSetup, op: ScanOp, given: Given, h: Tensor) -> float | None:
    if setup.elements > CHECKED_ELEMENTS or setup.sizes.get(op.loop, 0) > CHECKED_STEPS:
        return None
    exact = type(given.operands)(*map(_exactly, given.operands))
    return error(h.cpu(), op.call(exact, setup, "naive")).worst


def _exactly(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    return x.cpu().double() if x.is_floating_point() else x.cpu()
