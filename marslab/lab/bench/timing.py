"""Times several ways of doing one thing, in turns, so that what drifts drifts for all of them."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from marslab.kernels.roofline import STREAM_BYTES, watch

Call = Callable[[], object]
Stopwatch = Callable[[Call], Callable[[], float]]  # run now, tell the seconds when asked

WARM_UP = 2  # the first call compiles, the second finds its buffers
BUDGET = 3.0  # seconds that one variant may take, warm-up aside
COPIES = 10  # of 1 GiB, 5 ms on an H200; Python launched ssd in 1.6 and wkv7 in 2.0 there
FEWEST = 3  # runs of a slow variant; what takes longer than the budget runs once


class Spread(NamedTuple):
    """Seconds of several runs: the middle one, and the middle half around it."""

    median: float
    low: float  # first quartile
    high: float  # third quartile
    runs: int


def spread(seconds: list[float]) -> Spread:
    """Sum up runs; one run alone is its own middle half.

    >>> spread([3.0, 1.0, 2.0, 5.0, 4.0])
    Spread(median=3.0, low=2.0, high=4.0, runs=5)
    """
    if len(seconds) == 1:
        return Spread(seconds[0], seconds[0], seconds[0], 1)
    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return Spread(statistics.median(seconds), low, high, len(seconds))


def rounds(repeats: int, once: float, budget: float = BUDGET) -> int:
    """How often to run what takes `once` seconds: `repeats` times, fewer when that takes too long.

    >>> rounds(20, 0.01), rounds(20, 0.5), rounds(20, 2.0), rounds(20, 60.0)
    (20, 6, 3, 1)
    """
    if once > budget:
        return 1
    affordable = int(budget / once) if once > 0 else repeats
    return min(repeats, max(FEWEST, affordable))


def take_turns(
    calls: Mapping[str, Call], repeats: int, stopwatch: Stopwatch, budget: float = BUDGET
) -> dict[str, Spread]:
    """Time every call `repeats` times: A B C, A B C, ...; slow ones sit out some turns, evenly.

    Answers are asked for at the end, so that a device's queue stays full in between. What takes
    longer than the budget is done with its first run.

    Units:
        budget: seconds for each call
    """
    first = {name: _warm(call, stopwatch, budget) for name, call in calls.items()}
    often = {n: rounds(repeats, s, budget) for n, s in first.items() if s <= budget}
    told: dict[str, list[Callable[[], float]]] = {name: [] for name in often}
    for turn in range(repeats):
        for name, times in often.items():
            if turn * times // repeats < (turn + 1) * times // repeats:
                told[name].append(stopwatch(calls[name]))
    taken = {name: [seconds() for seconds in answers] for name, answers in told.items()}
    return {name: spread(taken.get(name, [once])) for name, once in first.items()}


def _warm(call: Call, stopwatch: Stopwatch, budget: float) -> float:
    """Seconds of the last warm-up call; one is enough of what is very slow."""
    once = 0.0
    for _ in range(WARM_UP):
        once = stopwatch(call)()
        if once > budget:
            break
    return once


@dataclass
class Bed:
    """A device to measure on: its name for the record, where tensors live, its stopwatch."""

    name: str
    tensors: torch.device
    stopwatch: Stopwatch
    peak: Callable[[Call], int | None] = field(default=lambda call: None)


def bed(device: str) -> Bed:
    """The CPU or the CUDA device of this machine."""
    if device == "cpu":
        return Bed("cpu", torch.device("cpu"), _after_itself)
    place = torch.device("cuda", torch.cuda.current_device())
    return Bed("cuda", place, _behind_copies(place), _cuda_peak)


def _after_itself(call: Call) -> Callable[[], float]:
    """Run untimed, then timed: the threads of the variant before still spin for a moment."""
    call()
    return watch(call)


def _behind_copies(place: torch.device) -> Stopwatch:
    """A stopwatch that first queues large copies.

    While the device copies, Python launches the call, so that only the device's time counts, unless
    the call itself waits for the device; and the cache then holds what a run of copies leaves in
    it, as when the stream rate was measured.
    """
    source, target = (torch.zeros(STREAM_BYTES["cuda"] // 4, device=place) for _ in range(2))

    def stopwatch(call: Call) -> Callable[[], float]:
        for _ in range(COPIES):
            target.copy_(source)
        return watch(call, "cuda")

    return stopwatch


def _cuda_peak(call: Call) -> int:
    """Bytes that the call holds at its worst moment beyond those held before it."""
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before
