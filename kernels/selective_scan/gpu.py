"""Triton: custom ops around the kernels of gpu_forward.py and gpu_backward.py, and their sizes.

The bound is arithmetic: an exponential and some twenty operations for each of B L D N states, some
sixty in the backward, while only [B, L, D] and [B, L, N] pass through memory.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.backends import interpreted
from marslab.kernels.launching import fresh
from marslab.kernels.selective_scan import gpu_backward, gpu_forward

STEPS = 8  # of a tile; the state before each is kept
FORWARD, BACKWARD = 8, 8  # float32 states in a thread
REGISTERS = None  # the most of a thread in the backward; fewer let more programs run side by side
PROGRAMS = 1056  # that fill a GPU: from a third of it down, time is cut
SHORTEST = 8  # tiles of a segment


class Precision(NamedTuple):
    """Where |dt A| log2 e is below `near` stand series, of so many terms."""

    near: float
    terms: int


class Tile(NamedTuple):
    """T steps, W channels, N states rounded up to a power of two."""

    T: int
    W: int
    NP: int


def _precision(x: Tensor) -> Precision:
    if x.element_size() == 2:
        return Precision(1 / 16, 3)
    return Precision(0.7, 8 if x.dtype == torch.float32 else 15)


def _steps(h0: Tensor) -> int:
    """T: fewer where a thread holds more states than planned, or wider ones."""
    if interpreted():
        return 3  # the interpreter pays by the element
    many = max(1, h0.shape[2] // (32 * BACKWARD))
    return max(1, STEPS // many // (h0.element_size() // 4))


def _tile(h0: Tensor, cells: int) -> Tile:
    """The tile for states [B, D, N], with `cells` of them in a thread where N is not too large."""
    NP = 1 << (h0.shape[2] - 1).bit_length()
    W = 4 if interpreted() else max(1, 128 * cells // (NP * h0.element_size()))
    return Tile(_steps(h0), W, NP)


class Grid(NamedTuple):
    """How B L D is shared out: programs of a row, segments of time, tiles of a segment."""

    blocks: int
    segments: int
    tiles: int


def _grid(x: Tensor, tile: Tile) -> Grid:
    """Time is cut where the channels alone are too few programs: a cut costs a pass more."""
    B, L, D = x.shape
    blocks, tiles = -(-D // tile.W), -(-L // tile.T)
    cuts = PROGRAMS // (B * blocks)
    if interpreted():
        each = 2
    else:
        each = max(SHORTEST, -(-tiles // cuts)) if cuts >= 3 else tiles
    return Grid(blocks, -(-tiles // each), each)


def _launch(kernel, tensors: list[Tensor], sizes: tuple, tile: Tile, grid: Grid, options) -> None:
    """Start one kernel; `sizes` are (B, L, D, N), `options` its constants before the tile."""
    B, L, D, N = sizes
    limited = REGISTERS and kernel is gpu_backward.backward and not interpreted()
    limits = {"maxnreg": REGISTERS} if limited else {}
    with torch.cuda.device_of(tensors[0]):
        kernel[(B * grid.segments * grid.blocks,)](
            *tensors, L, D, grid.tiles, N, *options, *tile, num_warps=1, **limits
        )


def _cuts(h0: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
    """Memory for what each segment does from 0, [B, segments, D, N], and for its sum of dt."""
    B, D, N = h0.shape
    count = grid.segments if grid.segments > 1 else 0
    return h0.new_empty((B, count, D, N)), h0.new_empty((B, count, D))


def _kept(x: Tensor, h0: Tensor, keep: bool) -> Tensor:
    """Memory for the state before each tile, none if not `keep`."""
    tiles = -(-x.shape[1] // _steps(h0)) if keep else 0
    return h0.new_empty((x.shape[0], tiles, *h0.shape[1:]))


@torch.library.custom_op("marslab::selective_scan_triton", mutates_args=())
def forward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor,
    zoh: bool, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """(x, dt, A, B, C, D, h0, zoh, keep) -> (y, state, if `keep` the state before each tile)."""
    kept = _kept(x, h0, keep)
    if x.numel() == 0 or A.numel() == 0:
        return (x * D).to(x.dtype), h0.clone(), kept
    y, state = fresh(x), fresh(h0)
    gates = B.to(h0.dtype), C.to(h0.dtype)  # each program would convert them again
    operands = [v.contiguous() for v in (x, dt, A, *gates, D, h0)]
    tile, precision = _tile(h0, FORWARD), _precision(x)
    grid, sizes = _grid(x, tile), (*x.shape, A.shape[1])
    cuts = _cuts(h0, grid)
    if grid.segments > 1:
        tensors = [*operands[:4], *cuts]
        _launch(gpu_forward.ends, tensors, sizes, tile, grid, (zoh, *precision))
    tensors = [*operands, *cuts, y, state, kept]
    _launch(gpu_forward.forward, tensors, sizes, tile, grid, (keep, zoh, *precision))
    return y.to(x.dtype), state, kept


@forward.register_fake
def _(x, dt, A, B, C, D, h0, zoh, keep):
    return x.new_empty(x.shape), h0.new_empty(h0.shape), _kept(x, h0, keep)


@torch.library.custom_op("marslab::selective_scan_gradient_triton", mutates_args=())
def backward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor,
    y: Tensor, state: Tensor, kept: Tensor, dy: Tensor, dstate: Tensor,
    zoh: bool, keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Operands, (y, state, kept) and the gradients of y and state -> a gradient per operand."""
    if x.numel() == 0 or A.numel() == 0:
        zeros = [torch.zeros_like(v) for v in (dt, A, B, C)]
        return ((dy * D).to(x.dtype), *zeros, (dy * x).sum((0, 1)).to(D.dtype), dstate.clone())  # pyright: ignore[reportReturnType]
    tile, precision = _tile(h0, BACKWARD), _precision(x)
    grid, sizes = _grid(x, tile), (*x.shape, A.shape[1])
    rows, length, width, N = sizes
    dx, ddt, dh0 = fresh(x), fresh(dt), fresh(h0)
    dA, dD = A.new_empty((rows, grid.segments, width, N)), D.new_empty((rows, grid.segments, width))
    parts = A.new_empty((rows, grid.blocks, length, N, 2))
    gates = B.to(h0.dtype), C.to(h0.dtype)
    given = (x, dt, A, *gates, D, kept, dy.to(x.dtype), dstate)
    operands = [v.contiguous() for v in given]
    cuts = _cuts(h0, grid)
    if grid.segments > 1:
        tensors = [operands[i] for i in (1, 2, 4, 7)] + [*cuts]
        _launch(gpu_backward.flows, tensors, sizes, tile, grid, precision)
    tensors = [*operands, *cuts, dx, ddt, dA, dD, parts, dh0]
    _launch(gpu_backward.backward, tensors, sizes, tile, grid, (zoh, *precision))
    dB, dC = (v.clone() for v in parts.sum(1).unbind(-1))  # an op returns no views of one tensor
    whole = (dx, ddt, dA.sum((0, 1)), dB, dC, dD.sum((0, 1)), dh0)
    return tuple(v.to(like.dtype) for v, like in zip(whole, (x, dt, A, B, C, D, h0), strict=True))  # pyright: ignore[reportReturnType]


@backward.register_fake
def _(x, dt, A, B, C, D, h0, y, state, kept, dy, dstate, zoh, keep):
    return tuple(v.new_empty(v.shape) for v in (x, dt, A, B, C, D, h0))


joining.KERNELS["selective_scan triton"] = joining.Kernels(forward, backward)


def selective_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, zoh: bool
) -> tuple[Tensor, Tensor]:
    """Return every y [B, L, D] in the dtype of `x`, the last state [B, D, N] in that of `h0`."""
    operands = x, dt, A, B, C, D, h0
    return joining.join("selective_scan triton", operands, zoh, joining.wanted(*operands))
