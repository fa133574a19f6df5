"""Triton: custom ops around the kernels of gpu_forward.py and gpu_backward.py.

Everything is a matrix product on tiles but the carry between chunks. Tensor cores take bfloat16
operands as they are, float16 ones in TF32 (the decays would overflow or vanish in float16), and
float32 is multiplied in full; float64 is summed without them. Sums are float32 at least.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.backends import interpreted
from marslab.kernels.launching import fresh
from marslab.kernels.ssd import gpu_backward, gpu_forward

CARRY = 256  # cells of the state that one program carries across the chunks
BUSY = 512  # programs that fill a GPU; below this the heads of a group are shared out


class Plan(NamedTuple):
    """Tiles of T steps, WP columns of x, WN of B and C; MATH as in gpu_tiles.product."""

    T: int
    WP: int
    WN: int
    MATH: str


LARGEST = {
    torch.bfloat16: Plan(64, 64, 128, "bf16"),
    torch.float16: Plan(64, 64, 64, "tf32"),
    torch.float32: Plan(32, 32, 32, "ieee"),
    torch.float64: Plan(16, 16, 16, "sums"),
}


def plan(dtype: torch.dtype, chunk_size: int, P: int, N: int) -> Plan:
    """Tiles for these sizes; a tile has 16 steps and columns at the least."""
    largest = LARGEST[dtype]
    T, WP, WN = (
        max(16, min(1 << (size - 1).bit_length(), most))
        for size, most in zip((chunk_size, P, N), largest[:3], strict=True)
    )
    # the interpreter does not round as the hardware does
    return Plan(T, WP, WN, "ieee" if interpreted() and largest.MATH != "sums" else largest.MATH)


def _run(kernel: Any, grid: tuple[int, ...], warps: int, *args: object) -> None:
    kernel[grid](*args, num_warps=warps, num_stages=1)  # most loops go round once: no pipeline


def _chunks(length: int, chunk_size: int, dtype: torch.dtype) -> int:
    return -(-length // plan(dtype, chunk_size, 1, 1).T)


@torch.library.custom_op("marslab::ssd_triton", mutates_args=())
def forward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, chunk_size: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(x, dt, A, B, C, D, h0, chunk_size) -> (y, state, the state before each chunk, its decay)."""
    x, dt, A, B, C, D, h0 = (v.contiguous() for v in (x, dt, A, B, C, D, h0))
    (rows, L, H, P), (G, N) = x.shape, B.shape[2:]
    chunks, p = _chunks(L, chunk_size, x.dtype), plan(x.dtype, chunk_size, P, N)
    entering = h0.new_empty((rows, chunks, H, P, N))
    total = x.new_empty((rows, chunks, H), dtype=torch.float64)
    if x.numel() == 0:
        return x.clone(), h0.clone(), entering, total
    y, state, sizes = fresh(x), torch.empty_like(h0), (L, H, P, G, N, chunks)
    tiles = -(-P // p.WP), max(1, -(-N // p.WN))
    with torch.cuda.device_of(x):
        _run(
            gpu_forward.states, (rows * chunks * H, *tiles), 4,
            x, B, dt, A, entering, total, *sizes, False, *p,
        )  # fmt: skip
        _run(
            gpu_forward.carry, (rows * H, -(-P * N // CARRY)), 4,
            entering, total, h0, state, H, P * N, chunks, False, CARRY,
        )  # fmt: skip
        _run(
            gpu_forward.outputs, (rows * chunks * H, tiles[0]), 4,
            x, dt, A, B, C, D, entering, y, *sizes, *p,
        )  # fmt: skip
    return y.to(x.dtype), state, entering, total


@forward.register_fake
def _(x, dt, A, B, C, D, h0, chunk_size):
    shape = (x.shape[0], _chunks(x.shape[1], chunk_size, x.dtype), x.shape[2])
    kept = h0.new_empty((*shape, *h0.shape[2:])), x.new_empty(shape, dtype=torch.float64)
    return x.new_empty(x.shape), h0.new_empty(h0.shape), *kept


@torch.library.custom_op("marslab::ssd_gradient_triton", mutates_args=())
def backward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor,
    y: Tensor, state: Tensor, entering: Tensor, total: Tensor, dy: Tensor, dstate: Tensor,
    chunk_size: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """(operands, y, state, entering, total, dy, dstate, chunk_size) -> a gradient each."""
    x, dt, A, B, C, D, dy, dstate = (v.contiguous() for v in (x, dt, A, B, C, D, dy, dstate))
    (rows, L, H, P), (G, N) = x.shape, B.shape[2:]
    if x.numel() == 0:
        x, dt, A, B, C, D = (torch.zeros_like(v) for v in (x, dt, A, B, C, D))
        return x, dt, A, B, C, D, dstate.clone()
    chunks, p = entering.shape[1], plan(x.dtype, chunk_size, P, N)
    sizes, columns = (L, H, P, G, N, chunks), max(1, -(-N // p.WN))
    parts = _parts(H // G, rows * chunks * G * columns)
    dx, dh0, flow = fresh(x), torch.empty_like(h0), torch.empty_like(entering)
    dlog, direct, dD = (h0.new_empty((rows, L, H)) for _ in range(3))
    dB, dC = (h0.new_empty((rows, L, G, parts, N)) for _ in "BC")
    with torch.cuda.device_of(x):
        _run(
            gpu_forward.states, (rows * chunks * H, -(-P // p.WP), columns), 4,
            dy, C, dt, A, flow, total, *sizes, True, *p,
        )  # fmt: skip
        _run(
            gpu_forward.carry, (rows * H, -(-P * N // CARRY)), 4,
            flow, total, dstate, dh0, H, P * N, chunks, True, CARRY,
        )  # fmt: skip
        _run(
            gpu_backward.of_heads, (rows * chunks * H,), 8,
            x, dt, A, B, C, D, entering, flow, dy, dx, dlog, direct, dD, *sizes, *p,
        )  # fmt: skip
        _run(
            gpu_backward.of_groups, (rows * chunks * G * parts, columns), 8,
            x, dt, A, B, C, entering, flow, dy, dB, dC, *sizes, parts, *p,
        )  # fmt: skip
    dlog, direct, dD, steps = (v.double() for v in (dlog, direct, dD, dt))
    rate = A.double().masked_fill(A == float("-inf"), 0.0)
    ddt, dA = (direct + rate * dlog).to(dt.dtype), (steps * dlog).sum((0, 1)).to(A.dtype)
    dB, dC = (v.sum(3).to(B.dtype) for v in (dB, dC))
    return dx.to(x.dtype), ddt, dA, dB, dC, dD.sum((0, 1)).to(D.dtype), dh0


@backward.register_fake
def _(x, dt, A, B, C, D, h0, y, state, entering, total, dy, dstate, chunk_size):
    x, dt, A, B, C, D, h0 = (v.new_empty(v.shape) for v in (x, dt, A, B, C, D, h0))
    return x, dt, A, B, C, D, h0


def _parts(heads: int, programs: int) -> int:
    """Into how many equal parts the heads of a group are shared out, so that a GPU is busy."""
    fit = [n for n in range(1, heads + 1) if heads % n == 0]
    return next((n for n in fit if n * programs >= BUSY), fit[-1])


joining.KERNELS["ssd triton"] = joining.Kernels(forward, backward)


def ssd(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, chunk_size: int
) -> tuple[Tensor, Tensor]:
    """Return y [B, L, H, P] in the dtype of `x`, the last state [B, H, P, N] in that of `h0`."""
    return joining.join("ssd triton", (x, dt, A, B, C, D, h0), chunk_size)
