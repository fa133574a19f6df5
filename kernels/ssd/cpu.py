"""numba: custom ops around the kernels of cpu_walk.py, which want a head's steps side by side."""

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.launching import arrays, fresh
from marslab.kernels.ssd import cpu_walk
from marslab.kernels.threads import entry

TILE = 16  # steps; beyond this the work on pairs of steps outgrows that on states


def _by_head(*tensors: Tensor) -> list[Tensor]:
    """[B, L, H, ...] -> [B * H, L, ...], so that the steps of a head are neighbours."""
    return [x.movedim(2, 1).flatten(0, 1) for x in tensors]


def _by_step(x: Tensor, like: Tensor) -> Tensor:
    """The way back: [B * H, L, ...] -> [B, L, H, ...] in the dtype of `like`, freshly made."""
    x = x.view(like.shape[0], like.shape[2], *x.shape[1:]).movedim(1, 2)
    return x.to(like.dtype, memory_format=torch.contiguous_format, copy=True)


def _tiles(length: int, chunk_size: int) -> tuple[int, int]:
    """Steps of a tile, and how many tiles there are."""
    tile = max(1, min(chunk_size, length, TILE))
    return tile, -(-length // tile)


@torch.library.custom_op("marslab::ssd_numba", mutates_args=())
def forward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, chunk_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """(x, dt, A, B, C, D, h0, chunk_size) -> (y, state, the state before each tile)."""
    tile, tiles = _tiles(x.shape[1], chunk_size)
    rows, _, H, P = x.shape
    every, start = (v.repeat(rows) for v in (A, D)), h0.flatten(0, 1)
    operands = arrays(h0.dtype, *_by_head(x, dt), *_by_head(B, C), *every, start)
    xs, dts, Bs, Cs, As, Ds, h0s = operands
    y, state = fresh(h0, *xs.shape), fresh(h0)
    entering = fresh(h0, rows * H, tiles, P, B.shape[3])
    to_y, to_state, to_entering = (v.numpy() for v in (y, state.flatten(0, 1), entering))
    with entry(x.numel() * B.shape[3]):
        cpu_walk.forward(xs, dts, As, Bs, Cs, Ds, h0s, tile, to_y, to_state, to_entering)
    return _by_step(y, x), state, entering


@forward.register_fake
def _(x, dt, A, B, C, D, h0, chunk_size):
    tiles = _tiles(x.shape[1], chunk_size)[1]
    kept = h0.new_empty((h0.shape[0] * h0.shape[1], tiles, *h0.shape[2:]))
    return x.new_empty(x.shape), h0.new_empty(h0.shape), kept


@torch.library.custom_op("marslab::ssd_gradient_numba", mutates_args=())
def backward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor,
    y: Tensor, state: Tensor, entering: Tensor, dy: Tensor, dstate: Tensor, chunk_size: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """(operands, y, state, entering, dy, dstate, chunk_size) -> a gradient for each operand."""
    (rows, L, H, P), (G, N) = x.shape, B.shape[2:]
    every, last = (v.repeat(rows) for v in (A, D)), dstate.flatten(0, 1)
    operands = arrays(h0.dtype, *_by_head(x, dt), *_by_head(B, C), *every, *_by_head(dy), last)
    xs, dts, Bs, Cs, As, Ds, dys, lasts = operands
    dx, dB, dC = (h0.new_zeros((rows * H, L, n)) for n in (P, N, N))  # B, C: a head each
    ddt, dh0 = h0.new_zeros((rows * H, L)), fresh(h0)
    dA, dD = (h0.new_zeros(rows * H, dtype=torch.float64) for _ in "AD")
    to_x, to_dt, to_A, to_B, to_C, to_D = (v.numpy() for v in (dx, ddt, dA, dB, dC, dD))
    with entry(x.numel() * N):
        cpu_walk.backward(
            xs, dts, As, Bs, Cs, Ds, entering.numpy(), dys, lasts, _tiles(L, chunk_size)[0],
            to_x, to_dt, to_A, to_B, to_C, to_D, dh0.flatten(0, 1).numpy(),
        )  # fmt: skip
    dB, dC = (_by_step(v.view(rows * G, H // G, L, N).sum(1), B) for v in (dB, dC))
    dA, dD = (v.view(rows, H).sum(0).to(like.dtype) for v, like in ((dA, A), (dD, D)))
    return _by_step(dx, x), _by_step(ddt, dt), dA, dB, dC, dD, dh0


@backward.register_fake
def _(x, dt, A, B, C, D, h0, y, state, entering, dy, dstate, chunk_size):
    x, dt, A, B, C, D, h0 = (v.new_empty(v.shape) for v in (x, dt, A, B, C, D, h0))
    return x, dt, A, B, C, D, h0


joining.KERNELS["ssd numba"] = joining.Kernels(forward, backward)


def ssd(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, chunk_size: int
) -> tuple[Tensor, Tensor]:
    """Return y [B, L, H, P] in the dtype of `x`, the last state [B, H, P, N] in that of `h0`."""
    return joining.join("ssd numba", (x, dt, A, B, C, D, h0), chunk_size)
