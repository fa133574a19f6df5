"""Triton: custom ops around the kernels of gpu_walk.py.

The bound is arithmetic: an exponential, a series and a scan for each of B L D N states, while only
[B, L, D] and [B, L, N] pass through memory. Few rows and channels leave most of a GPU idle.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.backends import interpreted
from marslab.kernels.launching import fresh
from marslab.kernels.selective_scan import gpu_walk

# The backward holds twice the tiles: with 4 warps it has no registers left.
WARPS = {"forward": 4, "backward": 8}
TERMS = {torch.float32: 9, torch.float64: 15}  # of the series below |z| = 1/2


class Plan(NamedTuple):
    """T steps, W channels, N states rounded up to a power of two."""

    T: int
    W: int
    NP: int


def plan(N: int) -> Plan:
    """The tile for N states: 2,048 cells, or more where two steps of N states are more."""
    NP = 1 << (N - 1).bit_length()
    if interpreted():
        return Plan(4, 2, NP)  # the interpreter pays by the element
    W = max(1, 128 // NP)
    return Plan(max(2, 2048 // (W * NP)), W, NP)


def _launch(name: str, tensors: list[Tensor], zoh: bool, plan: Plan) -> None:
    """Start one kernel over tensors that begin with x [B, L, D], dt, A [D, N]."""
    (B, L, D), N = tensors[0].shape, tensors[2].shape[1]
    grid = (B * -(-D // plan.W),)
    kernel, terms = getattr(gpu_walk, name), TERMS[tensors[2].dtype]
    kernel[grid](*tensors, L, D, N, zoh, terms, *plan, num_warps=WARPS[name])


def _run(name: str, tensors: list[Tensor], zoh: bool, plan: Plan) -> None:
    with torch.cuda.device_of(tensors[0]):
        _launch(name, tensors, zoh, plan)


def _kept(x: Tensor, h0: Tensor) -> tuple[int, ...]:
    return (x.shape[0], -(-x.shape[1] // plan(max(h0.shape[2], 1)).T), *h0.shape[1:])


@torch.library.custom_op("marslab::selective_scan_triton", mutates_args=())
def forward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, zoh: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """(x, dt, A, B, C, D, h0, zoh) -> (y, state, the state before each tile)."""
    kept = h0.new_empty(_kept(x, h0))
    if x.numel() == 0 or A.numel() == 0:
        return (x * D).to(x.dtype), h0.clone(), kept
    y, state = fresh(x), fresh(h0)
    operands = [v.contiguous() for v in (x, dt, A, B, C, D, h0)]
    _run("forward", [*operands, y, state, kept], zoh, plan(A.shape[1]))
    return y.to(x.dtype), state, kept


@forward.register_fake
def _(x, dt, A, B, C, D, h0, zoh):
    return x.new_empty(x.shape), h0.new_empty(h0.shape), h0.new_empty(_kept(x, h0))


@torch.library.custom_op("marslab::selective_scan_gradient_triton", mutates_args=())
def backward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor,
    y: Tensor, state: Tensor, kept: Tensor, dy: Tensor, dstate: Tensor, zoh: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Operands, (y, state, kept) and the gradients of y and state -> a gradient per operand."""
    if x.numel() == 0 or A.numel() == 0:
        zeros = [torch.zeros_like(v) for v in (dt, A, B, C)]
        return ((dy * D).to(x.dtype), *zeros, (dy * x).sum((0, 1)).to(D.dtype), dstate.clone())  # pyright: ignore[reportReturnType]
    rows, length, width = x.shape
    tile = plan(A.shape[1])
    dx, ddt, dh0 = fresh(x), fresh(dt), fresh(h0)
    dA, dD = A.new_empty((rows, *A.shape)), D.new_empty((rows, width))
    dB, dC = (A.new_empty((rows, -(-width // tile.W), length, A.shape[1])) for _ in range(2))
    operands = [v.contiguous() for v in (x, dt, A, B, C, D, kept, dy.to(x.dtype), dstate)]
    _run("backward", [*operands, dx, ddt, dA, dB, dC, dD, dh0], zoh, tile)
    whole = (dx, ddt, dA.sum(0), dB.sum(1), dC.sum(1), dD.sum(0), dh0)
    return tuple(v.to(like.dtype) for v, like in zip(whole, (x, dt, A, B, C, D, h0), strict=True))  # pyright: ignore[reportReturnType]


@backward.register_fake
def _(x, dt, A, B, C, D, h0, y, state, kept, dy, dstate, zoh):
    return tuple(v.new_empty(v.shape) for v in (x, dt, A, B, C, D, h0))


joining.KERNELS["selective_scan triton"] = joining.Kernels(forward, backward)


def selective_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, zoh: bool
) -> tuple[Tensor, Tensor]:
    """Return every y [B, L, D] in the dtype of `x`, the last state [B, D, N] in that of `h0`."""
    return joining.join("selective_scan triton", (x, dt, A, B, C, D, h0), zoh)
