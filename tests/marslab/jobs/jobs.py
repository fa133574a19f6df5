"""What the workers of test_workers.py do: a fresh process imports it by name."""

import os
import time
from typing import NoReturn

import torch

from marslab.errors import MissingExtra
from marslab.kernels import linear_scan
from marslab.workers import run


def slow_when_early(item: int) -> int:
    time.sleep(0.3 if item == 0 else 0.0)
    return item * item


def threads_and_scan(length: int) -> tuple[int, int, float]:
    import numba

    one = torch.ones(1, length, 1)
    h = linear_scan(one, one, backend="numba")
    return torch.get_num_threads(), numba.get_num_threads(), h[0, -1, 0].item()


def fail_at_one(item: int) -> int:
    if item == 1:
        raise MissingExtra("gpu", "triton")  # an exception that pickle cannot rebuild
    return item


def die(item: int) -> NoReturn:
    os._exit(item)


def make_a_function(item: int) -> object:
    return lambda: item  # cannot be sent back


def pid_then_sleep(item: int) -> int:
    if item:
        time.sleep(600)
    return os.getpid()


def tell_and_sleep(path: str) -> None:
    with open(f"{path}.{os.getpid()}", "w"):
        pass
    time.sleep(600)


def sleep_in_two_workers(path: str) -> None:
    run(tell_and_sleep, [path, path])


def act(item: str) -> object:
    if item == "die":
        os._exit(1)
    if item == "raise":
        raise KeyError("five")
    if item == "sleep":
        time.sleep(600)
    return run(abs, [-1, 2]) if item == "start workers" else "done"
