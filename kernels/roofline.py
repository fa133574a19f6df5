"""What the machine allows: bytes and multiplications per second, measured, and the floor they set.

No run of an op can be shorter than its bytes, each moved once, over the rate at which this machine
moves bytes. A figure means something beside that floor, taken in the same process.
Source: Williams, Waterman & Patterson 2009, "Roofline: an insightful visual performance model".
"""

import statistics
import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch

# One array of the stream measure. Caches reach some tens of MiB, shared ones a few hundred.
STREAM_BYTES = {"cpu": 256 * 2**20, "cuda": 2**30}
# Side of the square matrices: long enough to fill the device, short enough for a laptop.
MATMUL_SIDE = {"cpu": 1024, "cuda": 8192}
WARM_UP, REPEATS = 2, 9


def watch(call: Callable[[], object], device: str = "cpu") -> Callable[[], float]:
    """Run one call; return a function that waits for its device and tells the seconds it took.

    On a CPU the clock stops before the result is given back to the allocator. On CUDA the device's
    own events stand around the call, and nothing waits until the answer is asked for: watch many
    calls, then ask, and the time in which Python launches them is hidden.

    >>> watch(lambda: None)() < 1
    True
    """
    if device == "cpu":
        began = time.perf_counter()
        result = call()
        took = time.perf_counter() - began
        del result
        return lambda: took
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    end.record()

    def told() -> float:
        end.synchronize()
        return start.elapsed_time(end) / 1e3

    return told


def stream(device: str = "cpu") -> float:
    """Measure how fast memory is read and written; once per process, then remembered.

    On a CPU: `torch.add(a, b, out=c)`, three passes over arrays far larger than the cache.
    On CUDA: a copy within the device, two passes. Medians.

    Units:
        returns: bytes per second

    Errors:
        ValueError: no such device here

    >>> stream("abacus")
    Traceback (most recent call last):
    ValueError: roofline: device must be 'cpu' or 'cuda', got 'abacus'
    """
    return _stream(_checked(device))


def matmul_rate(device: str = "cpu", dtype: torch.dtype = torch.float32) -> float:
    """Measure the rate of one large square matrix product; once per process and dtype.

    Units:
        returns: floating point operations per second, a multiply-add counted as two

    Errors:
        ValueError: no such device here

    >>> matmul_rate("abacus")
    Traceback (most recent call last):
    ValueError: roofline: device must be 'cpu' or 'cuda', got 'abacus'
    """
    return _matmul_rate(_checked(device), dtype)


class Cost(NamedTuple):
    """What an op needs at the least when nothing is moved or worked out twice.

    Units:
        bytes: bytes read and written; flops: floating point operations, a multiply-add two
    """

    bytes: int
    flops: int


def floor_seconds(bytes: float, device: str = "cpu") -> float:
    """Tell the shortest time in which `device` can move so many bytes, by its measured `stream`.

    Units:
        bytes: bytes read and written; returns: seconds

    Errors:
        ValueError: no such device here

    >>> floor_seconds(1e9, "abacus")
    Traceback (most recent call last):
    ValueError: roofline: device must be 'cpu' or 'cuda', got 'abacus'
    """
    return bytes / stream(device)


def _checked(device: str) -> str:
    if device not in STREAM_BYTES:
        raise ValueError(f"roofline: device must be 'cpu' or 'cuda', got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("roofline: this machine has no CUDA device; measure device='cpu'")
    return device


def _median(call: Callable[[], object], device: str) -> float:
    told = [watch(call, device) for _ in range(WARM_UP + REPEATS)]
    return statistics.median(seconds() for seconds in told[WARM_UP:])


@lru_cache(maxsize=2)
def _stream(device: str) -> float:
    size = STREAM_BYTES[device]
    a = torch.ones(size // 4, device=device)
    c = torch.zeros_like(a)  # touched now: a first touch costs more than the pass itself
    if device == "cuda":
        return 2 * size / _median(lambda: c.copy_(a), device)
    b = torch.ones_like(a)
    return 3 * size / _median(lambda: torch.add(a, b, out=c), device)


@lru_cache(maxsize=16)
def _matmul_rate(device: str, dtype: torch.dtype) -> float:
    n = MATMUL_SIDE[device]
    x, y = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(x)
    return 2 * n**3 / _median(lambda: torch.mm(x, y, out=out), device)
