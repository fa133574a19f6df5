"""Other people's code for the same work: how to get it, how to load it, what operands it takes."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import torch
from torch import Tensor

from marslab.lab.bench.cases import BOTH, DECAYS, Case

Scan = Callable[[Tensor, Tensor], Tensor]
CONSTANT = sum(DECAYS) / 2


@dataclass(frozen=True)
class Form:
    """How a peer wants its two operands, made from ours before the clock starts."""

    enter: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    decay: Callable[[Tensor], Tensor] = lambda x: x  # its first operand, channels last -> a
    channels_first: bool = False

    def turn(self, x: Tensor) -> Tensor:
        """View between [B, L, D] and the peer's layout, either way."""
        return x.mT if self.channels_first else x


PLAIN = Form(lambda a, b: (a, b))
CHANNELS_FIRST = Form(lambda a, b: (a.mT.contiguous(), b.mT.contiguous()), channels_first=True)
LOG_DECAY = Form(lambda a, b: (a.float().log().to(a.dtype), b), torch.exp)
ONE_DECAY = Form(lambda a, b: (torch.full_like(a, CONSTANT), b))


def _anything(case: Case) -> str:
    return ""


@dataclass(frozen=True)
class Peer:
    """One function of a package that may or may not be installed."""

    name: str
    package: str  # distribution whose version is recorded
    install: str
    device: str
    load: Callable[[], Scan]
    form: Form = PLAIN
    note: str = ""
    unfit: Callable[[Case], str] = _anything  # why it does not do this row; empty when it does

    @property
    def version(self) -> str:
        """The installed version, empty when the package is missing."""
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return ""


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Compilers that a peer starts write to the process's stdout, which belongs to our data."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _torch_associative_scan() -> Scan:
    from torch._higher_order_ops import associative_scan

    def combine(left, right):
        return left[0] * right[0], right[0] * left[1] + right[1]

    return lambda a, b: associative_scan(combine, (a, b), dim=1, combine_mode="generic")[1]


def _numpy_loop() -> Scan:
    import numpy as np

    def scan(a: Tensor, b: Tensor) -> Tensor:
        decay, push = a.numpy(), b.numpy()
        out = np.empty_like(push)
        h = np.zeros_like(push[:, 0])
        for t in range(push.shape[1]):
            h = decay[:, t] * h + push[:, t]
            out[:, t] = h
        return torch.from_numpy(out)

    return scan


def _lfilter() -> Scan:
    from scipy import signal

    def scan(a: Tensor, b: Tensor) -> Tensor:
        push = b.numpy()
        numerator = push.dtype.type([1.0])
        denominator = push.dtype.type([1.0, -a[0, 0, 0].item()])
        h: Any = signal.lfilter(numerator, denominator, push, axis=1)
        return torch.from_numpy(h)

    return scan


def _accelerated_scan(module: str) -> Callable[[], Scan]:
    def load() -> Scan:
        from importlib import import_module

        return import_module(f"accelerated_scan.{module}").scan

    return load


def _hgrn(function: str) -> Callable[[], Scan]:
    def load() -> Scan:
        from importlib import import_module

        scan: Any = getattr(import_module("fla.ops.hgrn"), function)
        return lambda log_decay, b: scan(b, log_decay)[0]

    return load


def _short(case: Case) -> str:
    return "" if case.L <= 2048 else "slow beyond a few thousand steps"


def _float32_forward(case: Case) -> str:
    if case.direction == BOTH:
        return "it has no gradient"
    return "" if case.dtype == "float32" else f"numpy has no {case.dtype}"


def _power_of_two(case: Case) -> str:
    fits = 32 <= case.L <= 65536 and case.L & (case.L - 1) == 0
    return "" if fits else "it takes lengths that are powers of two from 32 to 65536"


_WARP = "accelerated-scan==0.3.1"
_FLA = "fla-core==0.6.0 einops"
_LOGS = "takes log decays: the logarithm is not timed, and its gradient is that of the logarithm"
_FIRST = "channels first [B, D, L]: the transposition is not timed"

PEERS = (
    Peer(
        "torch associative_scan",
        "torch",
        "torch",
        "cpu",
        _torch_associative_scan,
        note="not public in torch",
        unfit=_short,
    ),
    Peer("numpy loop", "numpy", "numpy", "cpu", _numpy_loop, unfit=_float32_forward),
    Peer(
        "scipy lfilter",
        "scipy",
        "scipy",
        "cpu",
        _lfilter,
        ONE_DECAY,
        "one constant decay for all: an easier job, it reads no a",
        _float32_forward,
    ),
    Peer(
        "accelerated-scan warp",
        "accelerated-scan",
        _WARP,
        "cuda",
        _accelerated_scan("warp"),
        CHANNELS_FIRST,
        _FIRST,
        _power_of_two,
    ),
    Peer(
        "accelerated-scan scalar",
        "accelerated-scan",
        _WARP,
        "cuda",
        _accelerated_scan("scalar"),
        CHANNELS_FIRST,
        _FIRST,
    ),
    Peer("fla chunk_hgrn", "fla-core", _FLA, "cuda", _hgrn("chunk_hgrn"), LOG_DECAY, _LOGS),
    Peer(
        "fla fused_recurrent_hgrn",
        "fla-core",
        _FLA,
        "cuda",
        _hgrn("fused_recurrent_hgrn"),
        LOG_DECAY,
        _LOGS,
    ),
)
